import { availableParallelism } from "node:os";
import { Readable } from "node:stream";
import type { Engine } from "@skep/engine";
import {
  type Assignment,
  type Clock,
  DomainError,
  Limiter,
  type Logger,
  type LogOptions,
  type NodeDescription,
  type NodeId,
  type TaskId,
  type TaskSpec,
  type TaskStatus,
} from "@skep/model";
import { swarmLabel } from "./task/container-config.ts";
import { ContainerWatch, type ListedContainer } from "./task/container-watch.ts";
import { ImagePuller } from "./task/image-puller.ts";
import { nodeDescription } from "./task/node-description.ts";
import { orphansOf } from "./task/orphans.ts";
import type { NodeParts } from "./task/task-executor.ts";
import { engineOnlyHooks, type TaskHooks } from "./task/task-hooks.ts";
import { containerForLogs, logQuery } from "./task/task-logs.ts";
import { TaskRunner } from "./task/task-runner.ts";

export interface StatusUpdate {
  readonly taskId: TaskId;
  readonly status: TaskStatus;
}

/** Who this node is; `hostname` and `platform` are what templates in specs show. */
export interface NodeIdentity {
  readonly id: NodeId;
  readonly hostname: string;
  readonly platform: NodeDescription["Platform"];
}

export interface AgentOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: () => NodeIdentity;
  /** Called for every change of a status, several together where they come together. Updates may be lost. */
  readonly report: (updates: readonly StatusUpdate[]) => void;
  readonly hooks?: TaskHooks;
  /** The cluster's default log driver, for tasks that name none. */
  readonly defaultLogDriver?: () => TaskSpec["LogDriver"];
  /** Containers created or started at a time; default: two for each processor, and four at least. */
  readonly parallelStarts?: number;
}

/**
 * Measured on two cores: an engine starts fifty containers four at a time as fast as sixteen at a time, in three
 * quarters of the time of two at a time; and with four, what each start waits for (its networks) takes half as long.
 */
const defaultParallelStarts = Math.max(4, 2 * availableParallelism());

/** The grace given to containers of which no more is known than that nobody wants them. */
const orphanGraceSeconds = 10;

/**
 * The worker: keeps this node's containers as the assignments ask, and tells what became of them. Holds nothing that
 * a restart would lose: containers carry their task's id as a label.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #log: Logger;
  readonly #parts: NodeParts;
  readonly #watch: ContainerWatch;
  readonly #runners = new Map<TaskId, TaskRunner>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #beingRemoved = new Set<string>();
  #unsent = new Map<TaskId, TaskStatus>();
  #listed: readonly ListedContainer[] = [];
  /** A full set of assignments has come since this process started: what is not in it is an orphan. */
  #complete = false;
  #appliedRevision = 0;

  constructor(options: AgentOptions) {
    const { engine, clock, logger } = options;
    this.#options = options;
    this.#log = logger.child({ component: "agent" });
    this.#parts = {
      engine,
      clock,
      log: this.#log,
      puller: new ImagePuller({ engine, clock, log: this.#log }),
      hooks: options.hooks ?? engineOnlyHooks,
      starts: new Limiter(options.parallelStarts ?? defaultParallelStarts),
      looks: new Limiter(16),
      defaultLogDriver: options.defaultLogDriver ?? (() => undefined),
    };
    this.#watch = new ContainerWatch({
      engine,
      clock,
      log: this.#log,
      onEvent: (taskId, containerId, action) => this.#runners.get(taskId as TaskId)?.onEvent(containerId, action),
      onList: (containers) => this.#compare(containers),
    });
  }

  /** The revision of the assignments taken over last; 0 before the first. */
  get appliedRevision(): number {
    return this.#appliedRevision;
  }

  /** Follows the engine until `signal` aborts. Containers then go on running. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stopping.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    await this.#watch.run(this.#stopping.signal);
    signal.removeEventListener("abort", stop);
  }

  /** The whole set: tasks that are not in it are stopped and removed, with their containers. */
  replaceAll(revision: number, assignments: readonly Assignment[]): void {
    const wanted = new Set(assignments.map(({ task }) => task.id));
    for (const assignment of assignments) this.#put(assignment);
    for (const [id, runner] of this.#runners) if (!wanted.has(id)) runner.release();
    this.#complete = true;
    this.#appliedRevision = revision;
    this.#removeOrphans();
  }

  /** Changes to the set. */
  change(revision: number, put: readonly Assignment[], remove: readonly TaskId[]): void {
    for (const assignment of put) this.#put(assignment);
    for (const id of remove) this.#runners.get(id)?.release();
    this.#appliedRevision = revision;
  }

  /** What this node knows of a task; undefined when it is not assigned here. */
  status(taskId: TaskId): TaskStatus | undefined {
    return this.#runners.get(taskId)?.status;
  }

  /**
   * The engine's own log stream of the task's container (frames, or raw with a TTY). With `follow` waits until the
   * container has started; a task that ends without one has an empty stream.
   */
  async logs(taskId: TaskId, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    const runner = this.#runners.get(taskId);
    if (!runner) throw new DomainError("not-found", `task ${taskId} is not on this node`);
    const container = await containerForLogs(runner, options.follow, signal);
    if (container) return this.#options.engine.containerLogs(container.id, logQuery(options), signal);
    if (options.follow) return Readable.from([]);
    throw new DomainError("not-found", `task ${taskId} has no container`);
  }

  /** What to tell the manager about this node. */
  async describe(): Promise<NodeDescription> {
    return nodeDescription(await this.#options.engine.info());
  }

  /** The node leaves its swarm: drops all tasks and removes their containers, running or not. Rejects if any stays. */
  async removeEverything(): Promise<void> {
    this.#stopping.abort(new Error("the node has left the swarm"));
    this.#runners.clear();
    await this.#removeContainers();
    await Promise.all(this.#running);
    await this.#removeContainers(); // what was being created meanwhile
  }

  async #removeContainers(): Promise<void> {
    const { engine, node } = this.#options;
    const labels = [`${swarmLabel.nodeId}=${node().id}`];
    const containers = await engine.listContainers({ all: true, labels });
    const removed = await Promise.allSettled(
      containers.map(({ Id }) => this.#parts.starts.run(() => engine.removeContainer(Id, { force: true }))),
    );
    const failed = removed.filter((result) => result.status === "rejected").map(({ reason }) => reason);
    if (failed.length > 0) throw new AggregateError(failed, `${failed.length} containers could not be removed`);
  }

  #put(assignment: Assignment): void {
    const { id } = assignment.task;
    const runner = this.#runners.get(id);
    if (runner && !runner.ended) runner.assign(assignment);
    else if (!this.#stopping.signal.aborted) this.#adopt(assignment);
  }

  #adopt(assignment: Assignment): void {
    const { hostname, platform } = this.#options.node();
    const { id } = assignment.task;
    const runner = new TaskRunner({
      assignment,
      description: { Hostname: hostname, Platform: platform },
      parts: this.#parts,
      report: (status) => this.#report(id, status),
      findContainer: async (signal) => (await this.#watch.find(id, signal))?.id,
    });
    this.#runners.set(id, runner);
    const running = runner
      .run(this.#stopping.signal)
      .catch((err) => this.#log.error({ task: id, err }, "task ended in an error"))
      .finally(() => {
        this.#running.delete(running);
        if (this.#runners.get(id) === runner) this.#runners.delete(id);
      });
    this.#running.add(running);
  }

  /** Statuses that change in the same turn go out together. */
  #report(taskId: TaskId, status: TaskStatus): void {
    if (this.#unsent.size === 0) queueMicrotask(() => this.#flush());
    this.#unsent.set(taskId, status);
  }

  #flush(): void {
    const updates = [...this.#unsent].map(([taskId, status]) => ({ taskId, status }));
    this.#unsent = new Map();
    if (!this.#stopping.signal.aborted) this.#options.report(updates);
  }

  #compare(containers: readonly ListedContainer[]): void {
    this.#listed = containers;
    const phases = new Map(containers.map(({ taskId, phase }) => [taskId, phase]));
    for (const [id, runner] of this.#runners) runner.onList(phases.get(id));
    this.#removeOrphans();
  }

  #removeOrphans(): void {
    if (!this.#complete) return;
    const orphans = orphansOf(this.#listed, this.#options.node().id, (id) => this.#runners.has(id as TaskId));
    for (const orphan of orphans) void this.#removeOrphan(orphan);
  }

  /** What fails here is tried again at the next comparison. */
  async #removeOrphan({ id, name, phase }: ListedContainer): Promise<void> {
    if (this.#beingRemoved.has(id)) return;
    this.#beingRemoved.add(id);
    try {
      if (phase === "running") await this.#options.engine.stopContainer(id, orphanGraceSeconds);
      await this.#options.engine.removeContainer(id, { force: true });
      this.#listed = this.#listed.filter((container) => container.id !== id);
      this.#log.info({ container: name }, "removed a container that no task asks for");
    } catch (err) {
      this.#log.warn({ container: name, err }, "cannot remove a container that no task asks for");
    } finally {
      this.#beingRemoved.delete(id);
    }
  }
}
