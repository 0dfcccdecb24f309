import type { Engine } from "@skep/engine";
import { type ContainerSpec, DomainError, type PortConfig, type Task } from "@skep/model";
import { type ContainerStart, runtimeName, runtimeProblem } from "@skep/runtime";
import type { EngineFields } from "../task/engine-fields.ts";
import type { TaskHooks } from "../task/task-hooks.ts";
import { untilAccepted } from "./accept-queue.ts";
import { Attachments, type AttachmentsOptions } from "./attachments.ts";
import { HandConnections } from "./hand-connections.ts";
import { isRunning } from "./is-running.ts";
import { networkConfig, type ResolverDefaults } from "./network-config.ts";
import { isAttached, recordOf } from "./task-interfaces.ts";

export interface ContainerNetworksOptions extends AttachmentsOptions {
  readonly engine: Engine;
  /** Of the node's resolv.conf, read at every creation. */
  readonly resolverDefaults: () => ResolverDefaults;
}

/** Brings containers into the swarm's networks when they start, and out of them before they stop. */
export class ContainerNetworks implements TaskHooks {
  /** What operators do by hand. */
  readonly connections: HandConnections;
  readonly #options: ContainerNetworksOptions;
  readonly #attachments: Attachments;
  #defaultRuntime: string | undefined;

  constructor(options: ContainerNetworksOptions) {
    this.#options = options;
    this.#attachments = new Attachments(options);
    this.connections = new HandConnections({ ...options, attachments: this.#attachments });
  }

  async prepare(task: Task, spec: ContainerSpec, config: EngineFields): Promise<EngineFields> {
    if (spec.Secrets?.length) throw missing("giving secrets to containers");
    if (spec.Configs?.length) throw missing("giving configs to containers");
    if (!isAttached(task)) return config;
    await this.requireRuntime();
    return networkConfig(config, spec, this.#options.resolverDefaults());
  }

  async created(task: Task, spec: ContainerSpec, containerId: string): Promise<void> {
    if (!isAttached(task)) return;
    const { records, settling } = this.#attachments;
    const record = recordOf(task, spec, containerId, (id) => this.#attachments.overlay(id)?.ingress === true);
    records.put({ ...record, asked: { ...record.asked, Runtime: await this.requireRuntime() } });
    void settling.start(task.id); // on its way while the container is made ready
  }

  ports(containerId: string): readonly PortConfig[] | undefined {
    if (!this.#options.records.get(containerId)) return undefined;
    return this.#attachments.hostPorts(containerId)?.map(({ protocol, published, target }) => ({
      Protocol: protocol,
      TargetPort: target,
      PublishedPort: published,
      PublishMode: "host",
    }));
  }

  async withdraw(task: Task): Promise<void> {
    if (!isAttached(task)) return;
    await this.#attachments.settling.withdraw(task.id);
    const record = [...this.#options.records.all()].find(({ taskId }) => taskId === task.id);
    const sandbox = record && this.#attachments.network.sandbox(record.containerId);
    if (sandbox) await untilAccepted(sandbox.pid, this.#options.clock);
  }

  async release(task: Task): Promise<void> {
    for (const record of [...this.#options.records.all()]) {
      if (record.taskId === task.id) await this.forget(record.containerId);
    }
  }

  /** The engine's runtime is about to run a container's first process. Rejects with what the start is refused with. */
  onStart(start: ContainerStart, signal: AbortSignal): Promise<void> {
    const { queues, records } = this.#attachments;
    return queues.run(start.containerId, async () => {
      const record = records.get(start.containerId);
      if (!record) throw unknownContainer(start.containerId);
      try {
        await this.#attachments.bring(record, start, signal);
      } catch (error) {
        if (!signal.aborted) await this.#attachments.leave(start.containerId);
        throw error;
      }
    });
  }

  /** The engine has started a container, perhaps one that no hook told of. */
  started(containerId: string): Promise<void> {
    return this.connections.started(containerId);
  }

  /** The container has ended, or is gone; does nothing when it runs (again). */
  ended(containerId: string): Promise<void> {
    return this.#attachments.queues.run(containerId, async () => {
      const sandbox = this.#attachments.network.sandbox(containerId);
      if (sandbox && isRunning(sandbox.pid)) return;
      await this.#attachments.leave(containerId);
    });
  }

  /** The container will not start again. Its record is kept as long as a manager has to be told. */
  forget(containerId: string): Promise<void> {
    const { queues, records } = this.#attachments;
    return queues.run(containerId, async () => {
      await this.#attachments.leave(containerId);
      const record = records.get(containerId);
      if (!record?.unreleased) records.remove(containerId);
    });
  }

  renamed(containerId: string, name: string): void {
    const record = this.#options.records.get(containerId);
    if (record) this.#options.records.put({ ...record, name });
  }

  /** Tells managers of attachments whose end none has heard of. */
  async releaseAgain(): Promise<void> {
    for (const { containerId, unreleased } of [...this.#options.records.all()])
      if (unreleased) await this.connections.releaseAgain(containerId);
  }

  /** Compares what is attached with the containers that run; to be called when events may have been missed. */
  async compare(running: ReadonlySet<string>, existing: ReadonlySet<string>): Promise<void> {
    const { network, records } = this.#options;
    const attached = [...network.sandboxes.keys()];
    const allocated = [...records.all()].filter(({ byHand, interfaces }) => byHand && interfaces.length > 0);
    const ended = [...attached, ...allocated.map(({ containerId }) => containerId)].filter((id) => !running.has(id));
    for (const id of new Set(ended)) await this.ended(id);
    for (const record of [...records.all()]) {
      const { containerId, byHand, unreleased, underEngine } = record;
      if ((byHand || unreleased) && !existing.has(containerId)) await this.forget(containerId);
      if (underEngine && running.has(containerId)) await this.connections.started(containerId);
    }
  }

  /** The node leaves its swarm: containers that run on are as they would be without it. */
  leaveAll(): Promise<void> {
    return this.connections.leaveAll();
  }

  /** The name of the engine's default runtime. Rejects where it lacks skep's. */
  async requireRuntime(): Promise<string> {
    if (this.#defaultRuntime !== undefined) return this.#defaultRuntime;
    const info = await this.#options.engine.info();
    const problem = runtimeProblem(info);
    if (problem !== undefined) throw new DomainError("unavailable", problem);
    this.#defaultRuntime = info.DefaultRuntime ?? "runc";
    return this.#defaultRuntime;
  }
}

const missing = (what: string) => new DomainError("not-implemented", `this node does not support ${what} yet`);

const unknownContainer = (id: string) =>
  new DomainError(
    "not-found",
    `skep knows nothing of container ${id.slice(0, 12)}: containers with runtime ${runtimeName} are created through skep's own API`,
  );
