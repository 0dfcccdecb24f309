import type { Engine } from "@skep/engine";
import {
  type Clock,
  type ContainerSpec,
  DomainError,
  type Logger,
  type NetworkId,
  type NetworkRecord,
  type PortConfig,
  type PublishedPort,
  type Task,
  type TaskId,
} from "@skep/model";
import type { NodeNetwork } from "@skep/network";
import { type ContainerStart, runtimeName, runtimeProblem, writeHosts } from "@skep/runtime";
import type { EngineFields } from "../task/engine-fields.ts";
import type { TaskHooks } from "../task/task-hooks.ts";
import type { ContainerRecord, RecordedInterface, WantedAttachment } from "./container-record.ts";
import type { ContainerRecords } from "./container-records.ts";
import { isRunning } from "./is-running.ts";
import { networkConfig, type ResolverDefaults } from "./network-config.ts";
import { Queues } from "./queues.ts";
import { sandboxOf } from "./sandbox-of.ts";
import type { SwarmCalls } from "./swarm-calls.ts";
import { isAttached, recordOf } from "./task-interfaces.ts";

export interface ContainerNetworksOptions {
  readonly network: NodeNetwork;
  readonly records: ContainerRecords;
  readonly calls: SwarmCalls;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the node's resolv.conf, read at every creation. */
  readonly resolverDefaults: () => ResolverDefaults;
}

/** How long a start waits for the other nodes' routes, a stop for their balancers; then it goes on, and says so. */
const settleStartMs = 5_000;
const settleStopMs = 15_000;
const callMs = 20_000;

/** Brings containers into the swarm's networks when they start, and out of them before they stop. */
export class ContainerNetworks implements TaskHooks {
  readonly #options: ContainerNetworksOptions;
  readonly #queues = new Queues();
  /** Ports as published, of the containers that are attached. */
  readonly #hostPorts = new Map<string, readonly PublishedPort[]>();
  readonly #settling = new Map<TaskId, Promise<void>>();
  #runtimeSeen = false;

  constructor(options: ContainerNetworksOptions) {
    this.#options = options;
  }

  async prepare(task: Task, spec: ContainerSpec, config: EngineFields): Promise<EngineFields> {
    if (spec.Secrets?.length) throw missing("giving secrets to containers");
    if (spec.Configs?.length) throw missing("giving configs to containers");
    if (!isAttached(task)) return config;
    await this.#requireRuntime();
    return networkConfig(config, spec, this.#options.resolverDefaults());
  }

  async created(task: Task, spec: ContainerSpec, containerId: string): Promise<void> {
    if (!isAttached(task)) return;
    this.#options.records.put(recordOf(task, spec, containerId, (id) => this.#overlay(id)?.ingress === true));
    void this.#settleStart(task.id); // on its way while the container is made ready
  }

  ports(containerId: string): readonly PortConfig[] | undefined {
    if (!this.#options.records.get(containerId)) return undefined;
    return this.#hostPorts.get(containerId)?.map(({ protocol, published, target }) => ({
      Protocol: protocol,
      TargetPort: target,
      PublishedPort: published,
      PublishMode: "host",
    }));
  }

  async withdraw(task: Task): Promise<void> {
    if (!isAttached(task)) return;
    await this.#settle(task.id, true, settleStopMs);
  }

  async release(task: Task): Promise<void> {
    for (const record of [...this.#options.records.all()]) {
      if (record.taskId === task.id) await this.forget(record.containerId);
    }
  }

  /** The engine's runtime is about to run a container's first process. Rejects with what the start is refused with. */
  onStart(start: ContainerStart, signal: AbortSignal): Promise<void> {
    return this.#queues.run(start.containerId, async () => {
      const record = this.#options.records.get(start.containerId);
      if (!record) throw unknownContainer(start.containerId);
      const interfaces = record.byHand ? await this.#attachByHand(record, signal) : record.interfaces;
      const settling = [...interfaces, ...(record.ingress ? [record.ingress] : [])].map(({ taskId }) => taskId);
      await Promise.all([...new Set(settling)].map((taskId) => this.#settleStart(taskId)));
      for (const taskId of settling) this.#settling.delete(taskId);
      signal.throwIfAborted();
      const sandbox = sandboxOf(record, start.pid, interfaces, (id) => this.#overlay(id)?.internal === true);
      const attached = await this.#options.network.attach(sandbox);
      this.#hostPorts.set(start.containerId, attached.hostPorts);
      if (start.hostsPath !== undefined) await writeHosts(start.hostsPath, hostLines(interfaces, start.hostname));
      this.#options.log.debug({ container: record.name, tookMs: attached.tookMs }, "container attached");
    });
  }

  /** The container has ended, or is gone; does nothing when it runs (again). */
  ended(containerId: string): Promise<void> {
    return this.#queues.run(containerId, async () => {
      const sandbox = this.#options.network.sandboxes.get(containerId);
      if (sandbox && isRunning(sandbox.pid)) return;
      await this.#leave(containerId);
    });
  }

  /** The container will not start again. */
  forget(containerId: string): Promise<void> {
    return this.#queues.run(containerId, async () => {
      await this.#leave(containerId);
      this.#options.records.remove(containerId);
    });
  }

  /** Compares what is attached with the containers that run; to be called when events may have been missed. */
  async compare(running: ReadonlySet<string>, existing: ReadonlySet<string>): Promise<void> {
    const { network, records } = this.#options;
    const attached = [...network.sandboxes.keys()];
    const allocated = [...records.all()].filter((record) => record.byHand && record.interfaces.length > 0);
    const ended = [...attached, ...allocated.map(({ containerId }) => containerId)].filter((id) => !running.has(id));
    for (const id of new Set(ended)) await this.ended(id);
    for (const { containerId, byHand } of [...records.all()]) {
      if (byHand && !existing.has(containerId)) await this.forget(containerId);
    }
  }

  async #leave(containerId: string): Promise<void> {
    const { network, records, calls } = this.#options;
    await network.detach(containerId);
    this.#hostPorts.delete(containerId);
    const record = records.get(containerId);
    if (!record?.byHand || record.interfaces.length === 0) return;
    for (const { taskId } of record.interfaces) await calls.detach(taskId, AbortSignal.timeout(callMs));
    records.put({ ...record, interfaces: [] });
  }

  /** One attachment after the other, in the order asked for; what an earlier start has left is given back first. */
  async #attachByHand(record: ContainerRecord, signal: AbortSignal): Promise<readonly RecordedInterface[]> {
    const { calls, records } = this.#options;
    for (const { taskId } of record.interfaces) await calls.detach(taskId, signal);
    const interfaces: RecordedInterface[] = [];
    for (const [index, wanted] of (record.byHand ?? []).entries()) {
      const hostPorts = index === 0 ? record.hostPorts : [];
      interfaces.push(await this.#attachTo(record, wanted, hostPorts, signal));
      records.put({ ...record, interfaces });
    }
    return interfaces;
  }

  async #attachTo(
    { containerId, name }: ContainerRecord,
    { networkId, aliases, address }: WantedAttachment,
    hostPorts: readonly PublishedPort[],
    signal: AbortSignal,
  ): Promise<RecordedInterface> {
    const task = await this.#options.calls.attach(
      {
        network: networkId,
        containerId,
        containerName: name,
        ...(address !== undefined && { address }),
        aliases,
        hostPorts,
      },
      signal,
    );
    const given = task.networks?.find((one) => one.networkId === networkId)?.address;
    if (given === undefined) throw new DomainError("internal", `no address on network ${networkId} for ${name}`);
    return { taskId: task.id, networkId, address: given };
  }

  #settleStart(taskId: TaskId): Promise<void> {
    const known = this.#settling.get(taskId);
    if (known) return known;
    const settling = this.#settle(taskId, false, settleStartMs);
    this.#settling.set(taskId, settling);
    return settling;
  }

  async #settle(taskId: TaskId, withdraw: boolean, limitMs: number): Promise<void> {
    const limit = new AbortController();
    const cancel = this.#options.clock.after(limitMs, () => limit.abort());
    try {
      await this.#options.calls.settle(taskId, { withdraw }, limit.signal);
    } catch (err) {
      this.#options.log.warn(
        { task: taskId, withdraw, err },
        "not every node has confirmed a task's new state in time",
      );
    } finally {
      cancel();
    }
  }

  async #requireRuntime(): Promise<void> {
    if (this.#runtimeSeen) return;
    const problem = runtimeProblem(await this.#options.engine.info());
    if (problem !== undefined) throw new DomainError("unavailable", problem);
    this.#runtimeSeen = true;
  }

  #overlay(id: NetworkId): Extract<NetworkRecord, { kind: "network" }> | undefined {
    const record = this.#options.network.records.get(`network/${id}`);
    return record?.kind === "network" ? record : undefined;
  }
}

const hostLines = (interfaces: readonly RecordedInterface[], hostname: string) =>
  interfaces.map(({ address }) => ({ address: address.replace(/\/.*/, ""), names: [hostname] }));

const missing = (what: string) => new DomainError("not-implemented", `this node does not support ${what} yet`);

const unknownContainer = (id: string) =>
  new DomainError(
    "not-found",
    `skep knows nothing of container ${id.slice(0, 12)}: containers with runtime ${runtimeName} are created through skep's own API`,
  );
