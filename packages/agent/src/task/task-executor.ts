import { type Engine, EngineError, EngineUnavailable } from "@skep/engine";
import type { Clock, ContainerSpec, Limiter, Logger, Task, TaskSpec } from "@skep/model";
import { taskName } from "@skep/model";
import { containerConfig, stopGraceSeconds, swarmLabel } from "./container-config.ts";
import { type ContainerState, createdContainer, stateOfContainer } from "./container-state.ts";
import type { EngineFields } from "./engine-fields.ts";
import type { ImagePuller } from "./image-puller.ts";
import { familiarImage } from "./image-reference.ts";
import type { TaskHooks } from "./task-hooks.ts";

/** What all tasks of a node share. */
export interface NodeParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly puller: ImagePuller;
  readonly hooks: TaskHooks;
  /** Container creations and starts at a time. */
  readonly starts: Limiter;
  /** Looks at containers at a time. */
  readonly looks: Limiter;
  /** The cluster's default, for tasks that name none. */
  readonly defaultLogDriver: () => TaskSpec["LogDriver"];
}

/** The steps of a task as calls of the engine: each either takes effect or throws, and may be repeated. */
export class TaskExecutor {
  readonly #node: NodeParts;

  constructor(node: NodeParts) {
    this.#node = node;
  }

  pull(task: Task, registryAuth: string | undefined, signal: AbortSignal): Promise<void> {
    const reference = familiarImage(task.spec.ContainerSpec?.Image ?? "");
    const generation = `${task.serviceId}@${task.specVersion}`;
    return this.#node.puller.ensure({ reference, registryAuth, generation }, signal);
  }

  /** Makes the task's volumes and container. A container of the task that is there already is taken over. */
  async create(task: Task, spec: ContainerSpec): Promise<ContainerState> {
    const { engine, hooks, defaultLogDriver } = this.#node;
    for (const volume of volumesOf(spec)) await engine.createVolume(volume);
    const config = await hooks.prepare(task, spec, containerConfig(task, spec, defaultLogDriver()));
    const container = await this.#createOrTakeOver(task, config);
    await hooks.created(task, spec, container.id);
    return container;
  }

  start(id: string): Promise<void> {
    return this.#node.engine.startContainer(id);
  }

  /** Takes the container from its balancers, then sends the stop signal. */
  async stop(task: Task, id: string): Promise<void> {
    await this.#node.hooks.withdraw(task);
    await this.#node.engine.stopContainer(id, stopGraceSeconds(task.spec.ContainerSpec));
  }

  remove(id: string): Promise<void> {
    return this.#node.engine.removeContainer(id, { force: true });
  }

  /** Undefined when there is no such container. */
  async look(id: string): Promise<ContainerState | undefined> {
    try {
      const state = stateOfContainer(await this.#node.looks.run(() => this.#node.engine.inspectContainer(id)));
      const ports = state.phase === "running" ? this.#node.hooks.ports(id) : undefined;
      return ports ? { ...state, ports } : state;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #createOrTakeOver(task: Task, config: EngineFields): Promise<ContainerState> {
    try {
      const { Id } = await this.#node.engine.createContainer(taskName(task), config);
      return createdContainer(Id);
    } catch (error) {
      const existing = isStatus(error, 409) ? await this.#takeOver(task) : undefined;
      if (!existing) throw error;
      return existing;
    }
  }

  /** The container that has the task's name, if it is the task's and not somebody else's. */
  async #takeOver(task: Task): Promise<ContainerState | undefined> {
    const details = await this.#node.engine.inspectContainer(taskName(task));
    return details.Config.Labels[swarmLabel.taskId] === task.id ? stateOfContainer(details) : undefined;
  }
}

export const isStatus = (error: unknown, status: number): boolean =>
  error instanceof EngineError && error.status === status;

/** The engine, or containerd below it, is away or going away: the task is not to blame. */
export const isPassing = (error: unknown): boolean =>
  error instanceof EngineUnavailable ||
  (error instanceof Error && /context canceled|transport is closing|containerd\.sock/.test(error.message));

/** Volumes with a driver, options or labels of their own are made beforehand; the engine makes all others. */
function volumesOf(spec: ContainerSpec): Readonly<Record<string, unknown>>[] {
  return (spec.Mounts ?? []).flatMap(({ Type, Source, VolumeOptions: options }) => {
    if (Type !== "volume" || !Source || !options || (!options.DriverConfig && !options.Labels)) return [];
    const { Name: Driver = "", Options: DriverOpts = {} } = options.DriverConfig ?? {};
    return [{ Name: Source, Driver, DriverOpts, Labels: options.Labels ?? {} }];
  });
}
