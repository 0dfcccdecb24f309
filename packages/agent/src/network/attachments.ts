import { type NetworkId, type OverlayRecord, type PublishedPort, Queues, type TaskId } from "@skep/model";
import { engineResolverAddress, type NodeNetwork, type SandboxNames } from "@skep/network";
import { type ContainerStart, writeHosts } from "@skep/runtime";
import type { ContainerRecord, RecordedInterface } from "./container-record.ts";
import type { ContainerRecords } from "./container-records.ts";
import { engineResolver } from "./engine-resolver.ts";
import { HandAttachments, type HandAttachmentsOptions, handMade } from "./hand-attachments.ts";
import { isRunning } from "./is-running.ts";
import { readUpstreams, writeResolver } from "./resolver-file.ts";
import { sandboxOf } from "./sandbox-of.ts";
import { Settling, type SettlingOptions } from "./settling.ts";

export interface AttachmentsOptions extends Omit<HandAttachmentsOptions & SettlingOptions, "calls" | "nameOf"> {
  readonly network: NodeNetwork;
  readonly calls: HandAttachmentsOptions["calls"] & SettlingOptions["calls"];
  /** A container has joined or left a network. */
  readonly onChange?: (change: AttachmentChange) => void;
}

export interface AttachmentChange {
  readonly action: "connect" | "disconnect";
  readonly containerId: string;
  readonly network: Pick<OverlayRecord, "id" | "name">;
}

/** A container whose namespaces exist. The files are those that it sees under /etc, where they are the engine's. */
export type RunningContainer = Pick<
  ContainerStart,
  "containerId" | "pid" | "hostname" | "hostsPath" | "resolvConfPath"
>;

/** Brings containers into the networks that are recorded of them, and out again. */
export class Attachments {
  /** Everything about one container is done in the order in which it is asked for. */
  readonly queues = new Queues();
  readonly settling: Settling;
  readonly network: NodeNetwork;
  readonly records: ContainerRecords;
  readonly byHand: HandAttachments;
  readonly #options: AttachmentsOptions;
  /** Ports as published, of the containers that are attached. */
  readonly #hostPorts = new Map<string, readonly PublishedPort[]>();

  constructor(options: AttachmentsOptions) {
    this.#options = options;
    this.network = options.network;
    this.records = options.records;
    this.settling = new Settling(options);
    this.byHand = new HandAttachments({ ...options, nameOf: (id) => this.nameOf(id) });
  }

  hostPorts(containerId: string): readonly PublishedPort[] | undefined {
    return this.#hostPorts.get(containerId);
  }

  /** A container that is not running is nobody's sandbox. */
  isAttached(containerId: string): boolean {
    const sandbox = this.network.sandbox(containerId);
    return sandbox !== undefined && isRunning(sandbox.pid);
  }

  async bring(asked: ContainerRecord, container: RunningContainer, signal: AbortSignal): Promise<void> {
    const inUse = new Set(this.network.sandbox(container.containerId)?.interfaces.map(({ taskId }) => taskId));
    const record = await this.byHand.allocate(asked, inUse, signal);
    await this.settling.started(newTo(asked, record));
    signal.throwIfAborted();
    const tookMs = await this.#place(record, container);
    this.#options.log.debug({ container: record.name, tookMs }, "container attached");
  }

  /** Takes a running container from the networks that its record does not have any more. */
  async reduce(record: ContainerRecord, container: RunningContainer): Promise<void> {
    if (record.interfaces.length > 0 || record.ingress) {
      await this.#place(record, container);
      return;
    }
    await this.#unplace(container.containerId);
    if (container.hostsPath !== undefined) await writeHosts(container.hostsPath, []);
    if (record.underEngine && container.resolvConfPath !== undefined)
      await writeResolver(container.resolvConfPath, false);
  }

  /**
   * Takes a running container's interfaces away while the engine gives it others: the engine insists on its own names
   * for them, and on the default route. Their addresses stay the container's.
   */
  async without<T>(container: RunningContainer, work: () => Promise<T>): Promise<T> {
    await this.network.detach(container.containerId);
    try {
      return await work();
    } finally {
      const record = this.records.get(container.containerId);
      if (record && (record.interfaces.length > 0 || record.ingress)) await this.#place(record, container);
    }
  }

  /** The container has ended: what was given to it for this run is given back. */
  async leave(containerId: string): Promise<void> {
    await this.#unplace(containerId);
    const record = this.records.get(containerId);
    if (!record) return;
    const given = handMade(record).map(({ taskId }) => taskId);
    await this.byHand.release(record, given);
  }

  overlay(id: NetworkId): OverlayRecord | undefined {
    const record = this.network.records.get(`network/${id}`);
    return record?.kind === "network" ? record : undefined;
  }

  nameOf(id: NetworkId): string {
    return this.overlay(id)?.name ?? id;
  }

  async #place(record: ContainerRecord, container: RunningContainer): Promise<number> {
    const { pid, hostname, hostsPath, resolvConfPath } = container;
    const ownResolver = record.underEngine ? resolvConfPath : undefined;
    const isInternal = (id: NetworkId) => this.overlay(id)?.internal === true;
    const asRecorded = sandboxOf(record, pid, record.interfaces, isInternal);
    const names = ownResolver === undefined ? asRecorded.names : await this.#namesUnderEngine(container, ownResolver);
    const sandbox = { ...asRecorded, names };
    const before = this.#networksOf(container.containerId);
    const { hostPorts, tookMs } = await this.network.attach(sandbox);
    this.#hostPorts.set(container.containerId, hostPorts);
    this.#tell(container.containerId, before);
    if (hostsPath !== undefined) await writeHosts(hostsPath, hostLines(record.interfaces, hostname));
    if (ownResolver !== undefined) await writeResolver(ownResolver, true);
    return tookMs;
  }

  /** Names outside the swarm stay what they are: of the container's servers, among them the engine's resolver. */
  async #namesUnderEngine({ containerId, pid }: RunningContainer, path: string): Promise<SandboxNames> {
    const own = await readUpstreams(path);
    const before = this.network.sandbox(containerId);
    const isSame = before?.pid === pid;
    const found = isSame ? before.names.engineResolver : own.includes(engineAddress) && engineResolver(pid);
    const servers = own.map((server) => (server === engineAddress && found ? engineResolverAddress : server));
    return { servers, ...(found && { engineResolver: found }) };
  }

  async #unplace(containerId: string): Promise<void> {
    const before = this.#networksOf(containerId);
    await this.network.detach(containerId);
    this.#hostPorts.delete(containerId);
    this.#tell(containerId, before);
  }

  /** Where it is now. */
  #networksOf(containerId: string): readonly NetworkId[] {
    const { interfaces = [], gateway } = this.network.sandbox(containerId) ?? {};
    const ids = interfaces.map(({ networkId }) => networkId);
    const ingress = gateway?.address && this.records.get(containerId)?.ingress?.networkId;
    return ingress ? [...ids, ingress] : ids;
  }

  #tell(containerId: string, before: readonly NetworkId[]): void {
    const after = this.#networksOf(containerId);
    const tell = (action: AttachmentChange["action"], id: NetworkId) =>
      this.#options.onChange?.({ action, containerId, network: { id, name: this.nameOf(id) } });
    for (const id of after) if (!before.includes(id)) tell("connect", id);
    for (const id of before) if (!after.includes(id)) tell("disconnect", id);
  }
}

const engineAddress = "127.0.0.11";

/** Tasks whose addresses the other nodes may not know yet: those of a service before its one start, and those just allocated. */
function newTo(before: ContainerRecord, { taskId, interfaces, ingress }: ContainerRecord): TaskId[] {
  const known = new Set(handMade(before).map((one) => one.taskId));
  const own = taskId !== undefined && (ingress || interfaces.some((one) => one.taskId === taskId)) ? [taskId] : [];
  return [...own, ...interfaces.map((one) => one.taskId).filter((id) => id !== taskId && !known.has(id))];
}

const hostLines = (interfaces: readonly RecordedInterface[], hostname: string) =>
  interfaces.map(({ address }) => ({ address: address.replace(/\/.*/, ""), names: [hostname] }));
