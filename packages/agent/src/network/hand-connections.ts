import { type ContainerDetails, type Engine, EngineError } from "@skep/engine";
import { DomainError, type Logger, type NetworkId } from "@skep/model";
import type { Attachments, RunningContainer } from "./attachments.ts";
import type { ContainerRecord, WantedAttachment } from "./container-record.ts";
import { handMade } from "./hand-attachments.ts";
import { isRunning } from "./is-running.ts";
import { whyUnconnectable, wordsOf } from "./refusals.ts";

export interface HandConnectionsOptions {
  readonly attachments: Attachments;
  readonly engine: Pick<Engine, "inspectContainer">;
  readonly log: Logger;
}

/** `docker network connect` and `disconnect` on containers of this node, whoever made them. */
export class HandConnections {
  readonly #options: HandConnectionsOptions;

  constructor(options: HandConnectionsOptions) {
    this.#options = options;
  }

  /** A running container is attached before this resolves, another at its next start. `container`: id or name. */
  async connect(container: string, wanted: WantedAttachment): Promise<void> {
    const { attachments } = this.#options;
    const { records, queues } = attachments;
    const details = await this.#options.engine.inspectContainer(container);
    await queues.run(details.Id, async () => {
      const known = records.get(details.Id);
      const problem = whyUnconnectable(details, known);
      if (problem) throw problem;
      const record = known ?? recordUnderEngine(details);
      const others = (record.byHand ?? []).filter(({ networkId }) => networkId !== wanted.networkId);
      const next = { ...record, byHand: [...others, wanted] };
      const running = this.#running(details);
      if (running && record.interfaces.some(({ networkId }) => networkId === wanted.networkId))
        throw wordsOf.alreadyConnected(record.name, attachments.nameOf(wanted.networkId));
      if (running) await this.#bring(record, next, running, AbortSignal.timeout(connectMs));
      records.put(running ? { ...(records.get(details.Id) ?? next), byHand: next.byHand } : next);
    });
  }

  /** `force`: whatever does not answer is left to itself. */
  async disconnect(container: string, networkId: NetworkId, force: boolean): Promise<void> {
    const details = force ? await this.#find(container) : await this.#options.engine.inspectContainer(container);
    const { queues, records } = this.#options.attachments;
    const id = details?.Id ?? [...records.all()].find(({ name }) => name === container)?.containerId;
    if (id === undefined) throw new DomainError("not-found", `No such container: ${container}`);
    await queues.run(id, () => this.#disconnect(id, networkId, details, force));
  }

  /**
   * The engine is to connect a container to a network of its own, or to disconnect it. `change` is told whether the
   * container is on the engine's `none` because of skep: nothing else goes along with that.
   */
  async throughEngine(container: string, change: (isOnNone: boolean) => Promise<void>): Promise<void> {
    const { attachments } = this.#options;
    const details = await this.#find(container);
    if (!details || !attachments.records.get(details.Id)) return change(false);
    const isOnNone = "none" in (details.NetworkSettings.Networks ?? {});
    await attachments.queues.run(details.Id, async () => {
      const running = this.#running(details);
      if (running) await attachments.without(running, () => change(isOnNone));
      else await change(isOnNone);
    });
  }

  /** The engine says that the container runs: attaches it where it was attached before. */
  async started(containerId: string): Promise<void> {
    const { records, queues } = this.#options.attachments;
    if (!records.get(containerId)?.underEngine || this.#options.attachments.isAttached(containerId)) return;
    const details = await this.#options.engine.inspectContainer(containerId);
    await queues.run(containerId, async () => {
      const record = records.get(containerId);
      const running = this.#running(details);
      if (!record?.byHand?.length || !running || this.#options.attachments.isAttached(containerId)) return;
      await this.#options.attachments.bring(record, running, AbortSignal.timeout(connectMs));
    });
  }

  /** A manager may be there now. */
  releaseAgain(containerId: string): Promise<void> {
    const { records, queues, byHand } = this.#options.attachments;
    return queues.run(containerId, async () => {
      const record = records.get(containerId);
      if (record?.unreleased) await byHand.release(record, []);
    });
  }

  /** The node leaves its swarm: what was attached by hand runs on as if it never had been. */
  async leaveAll(): Promise<void> {
    const { attachments, engine, log } = this.#options;
    let isManagerThere = true;
    for (const { containerId, underEngine } of [...attachments.records.all()].filter(({ byHand }) => byHand)) {
      await attachments.queues
        .run(containerId, async () => {
          const running = underEngine && this.#running(await engine.inspectContainer(containerId));
          const record = attachments.records.get(containerId);
          if (record && running) await attachments.reduce({ ...record, interfaces: [] }, running);
          if (isManagerThere) await attachments.leave(containerId);
          isManagerThere &&= attachments.records.get(containerId)?.unreleased === undefined;
        })
        .catch((err) => log.warn({ container: containerId, err }, "a container could not leave its networks"));
    }
  }

  /** Undefined when the engine does not know it. */
  #find(container: string): Promise<ContainerDetails | undefined> {
    return this.#options.engine.inspectContainer(container).catch((error) => {
      if (error instanceof EngineError && error.status === 404) return undefined;
      throw error;
    });
  }

  async #bring(
    before: ContainerRecord,
    next: ContainerRecord,
    running: RunningContainer,
    signal: AbortSignal,
  ): Promise<void> {
    const { attachments } = this.#options;
    try {
      await attachments.bring(next, running, signal);
    } catch (error) {
      await this.#undo(before);
      throw error;
    }
  }

  /** What was allocated in vain is given back; the container keeps what it had. */
  async #undo(before: ContainerRecord): Promise<void> {
    const { records, byHand } = this.#options.attachments;
    const now = records.get(before.containerId);
    if (!now) return;
    const kept = new Set(before.interfaces.map(({ taskId }) => taskId));
    const inVain = handMade(now).filter(({ taskId }) => !kept.has(taskId));
    const ids = inVain.map(({ taskId }) => taskId);
    const { byHand: _, ...rest } = now;
    const restored = before.byHand ? { ...rest, byHand: before.byHand } : rest;
    this.#keep(await byHand.release(restored, ids));
  }

  async #disconnect(
    id: string,
    networkId: NetworkId,
    details: ContainerDetails | undefined,
    force: boolean,
  ): Promise<void> {
    const { attachments } = this.#options;
    const record = attachments.records.get(id);
    const running = details && this.#running(details);
    if (!record?.byHand?.some((one) => one.networkId === networkId))
      throw wordsOf.notConnected(id, attachments.nameOf(networkId), record, running !== undefined);
    const byHand = record.byHand.filter((one) => one.networkId !== networkId);
    const leaving = handMade(record).filter((one) => one.networkId === networkId);
    const next = { ...record, byHand, interfaces: record.interfaces.filter((one) => !leaving.includes(one)) };
    if (running && leaving.length > 0) {
      await attachments.reduce(next, running).catch((err) => {
        if (!force) throw err;
        this.#options.log.warn({ container: record.name, err }, "a container was disconnected by force");
      });
    }
    const ids = leaving.map(({ taskId }) => taskId);
    this.#keep(await attachments.byHand.release(next, ids));
  }

  /** Nothing is to be remembered of a container that is the engine's matter alone. */
  #keep(record: ContainerRecord): void {
    const { records } = this.#options.attachments;
    if (record.underEngine && !record.byHand?.length && !record.unreleased) records.remove(record.containerId);
    else records.put(record);
  }

  /** Its start may have been told by the hook before the engine tells of it. */
  #running({ Id, State, Config, HostsPath, ResolvConfPath }: ContainerDetails): RunningContainer | undefined {
    const sandbox = this.#options.attachments.network.sandbox(Id);
    const pid = [State.Running ? State.Pid : 0, sandbox?.pid ?? 0].find((one) => one > 0 && isRunning(one));
    if (pid === undefined) return undefined;
    return {
      ...{ containerId: Id, pid, hostname: Config.Hostname ?? "" },
      ...(HostsPath && { hostsPath: HostsPath }),
      ...(ResolvConfPath && { resolvConfPath: ResolvConfPath }),
    };
  }
}

const connectMs = 20_000;

const recordUnderEngine = ({ Id, Name }: ContainerDetails): ContainerRecord => ({
  ...{ containerId: Id, name: Name.replace(/^\//, ""), underEngine: true },
  ...{ interfaces: [], byHand: [], hostPorts: [], servers: [] },
});
