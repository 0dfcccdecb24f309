import {
  type Clock,
  DomainError,
  type Logger,
  type NetworkProblem,
  type NetworkRecord,
  type NodeId,
  type PublishedPort,
  type RecordKey,
  recordKey,
  type TakenPort,
} from "@skep/model";
import type { Applied } from "./apply.ts";
import { containerPlace, type Place } from "./aspect.ts";
import { Attacher, type Found } from "./attacher.ts";
import type { Attachment } from "./attachment.ts";
import type { DnsServer } from "./dns/dns-server.ts";
import type { Kernel } from "./host/kernel.ts";
import type { LegacyFirewall } from "./ingress/forward-policy.ts";
import { KernelKeeper } from "./kernel-keeper.ts";
import { type NetworkState, portKey } from "./network-state.ts";
import type { Attached, NetworkStatus, NodeNetwork } from "./node-network.ts";
import { Places } from "./places.ts";
import { PortHolds, type PortKeeper } from "./port-holds.ts";
import { problemsOf } from "./problems.ts";
import { Repairs } from "./repairs.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SavedFiles } from "./saved-files.ts";
import { Slots } from "./slots.ts";
import { statusOf } from "./status.ts";
import { putAttachment, putRecord, removeAttachment, removeRecord, setPathMtu, Touched } from "./touched.ts";
import { TurnQueue } from "./turn-queue.ts";
import { ZonePush } from "./zone-push.ts";

export interface RunningNetworkOptions {
  readonly kernel: Kernel;
  readonly dns: DnsServer;
  readonly state: NetworkState;
  readonly files: SavedFiles;
  readonly ports: PortKeeper;
  readonly legacyFirewall: LegacyFirewall;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Changes of one turn: more would let the first container wait for the last. */
const mostChanges = 8;
/** More would let each of many wait for all others. */
const attachesAtOnce = 6;
/** A container may be started before this node has heard of its network. */
const networkWaitMs = 10_000;

/** The parts of the data plane, put together; what each does is told there. */
export class RunningNetwork implements NodeNetwork {
  revision = 0;
  readonly #options: RunningNetworkOptions;
  readonly #state: NetworkState;
  readonly #queue: TurnQueue<Applied>;
  readonly #keeper: KernelKeeper;
  readonly #holds: PortHolds;
  readonly #zones: ZonePush;
  readonly #attacher: Attacher;
  readonly #repairs: Repairs;
  readonly #slots = new Slots(attachesAtOnce);
  /** Gathered by the changes of the turn to come. */
  #touched = new Touched();
  /** The kernel has been compared with records of a manager. */
  #isCompared = false;
  /** What each container's calls wait for: they are carried out in order. */
  readonly #calls = new Map<string, Promise<unknown>>();
  /** Milliseconds, by container; of an earlier process's attachments nobody knows. */
  readonly #took = new Map<string, number>();
  readonly #networkWaiters = new Set<() => void>();

  constructor(options: RunningNetworkOptions) {
    const { kernel, dns, state, ports, logger } = options;
    this.#options = options;
    this.#state = state;
    const places = new Places(kernel, state.attachments, (place, what) => this.#repairs.noticed(place, what));
    this.#keeper = new KernelKeeper(state, places, logger);
    this.#queue = new TurnQueue(() => this.#turn(), mostChanges);
    this.#holds = new PortHolds(state, ports);
    this.#zones = new ZonePush(state, dns);
    this.#attacher = new Attacher(kernel, state, dns, this.#holds);
    this.#repairs = new Repairs({
      ...options,
      keeper: this.#keeper,
      queue: this.#queue,
      holds: this.#holds,
      change: (mutate) => this.#change(mutate),
      detach: (id) => this.detach(id),
    });
  }

  /** Takes up what an earlier process left: names are answered at once, the kernel is compared when records come. */
  async takeUp(attachments: readonly Attachment[]): Promise<void> {
    await this.#queue.alone(async () => {
      const gone: string[] = [];
      for (const attachment of attachments) {
        const { containerId } = attachment.sandbox;
        if (await this.#reopen(attachment)) continue;
        gone.push(containerId);
        await this.#options.files.removeAttachment(containerId);
      }
      this.#options.logger.info({ containers: this.#state.attachments.size, gone }, "containers taken up");
      await this.#zones.all();
      await this.#repairs.learnAll();
    });
    if (await this.#repairs.isRouterMissing()) await this.#repairs.all();
  }

  async replaceAll(revision: number, records: readonly NetworkRecord[]): Promise<readonly NetworkProblem[]> {
    const wanted = new Set(records.map(recordKey));
    const known = () => [...this.#state.records.keys()].filter((key) => !wanted.has(key));
    await this.#follow(revision, records, known);
    if (!this.#isCompared) {
      this.#repairs.start();
      await this.#repairs.all();
      this.#isCompared = true;
    }
    return this.#problems();
  }

  async change(
    revision: number,
    put: readonly NetworkRecord[],
    remove: readonly RecordKey[],
  ): Promise<readonly NetworkProblem[]> {
    await this.#follow(revision, put, () => remove);
    return this.#problems();
  }

  attach(sandbox: Sandbox): Promise<Attached> {
    const startedAt = performance.now();
    return this.#inOrder(sandbox.containerId, async () => {
      await this.#knowsNetworks(sandbox);
      return this.#slots.run(() => this.#attach(sandbox, startedAt));
    });
  }

  detach(containerId: string): Promise<void> {
    return this.#inOrder(containerId, () => this.#detach(containerId));
  }

  get records(): ReadonlyMap<RecordKey, NetworkRecord> {
    return this.#state.records;
  }

  attached(containerId: string): Attached | undefined {
    const attachment = this.#state.attachments.get(containerId);
    return attachment && this.#attachedAs(attachment);
  }

  get sandboxes(): ReadonlyMap<string, Sandbox> {
    return new Map([...this.#state.attachments].map(([id, { sandbox }]) => [id, sandbox]));
  }

  repair(): Promise<readonly string[]> {
    return this.#repairs.all();
  }

  async probePorts(ports: readonly Pick<PublishedPort, "protocol" | "published">[]): Promise<readonly TakenPort[]> {
    const owners = await this.#options.ports.owners(ports);
    return [...owners].map(([{ protocol, published }, process]) => ({ protocol, published, process }));
  }

  async setPathMtu(peer: NodeId, bytes: number | undefined): Promise<void> {
    await this.#change((touched) => setPathMtu(this.#state, peer, bytes, touched));
  }

  inspect(): NetworkStatus {
    return statusOf(this.#state, this.#keeper, this.revision, this.#problems(), this.#repairs.latest);
  }

  async removeEverything(): Promise<void> {
    this.#repairs.stop();
    const { dns, files } = this.#options;
    for (const id of [...this.#state.attachments.keys()]) await this.detach(id);
    await this.#change((touched) => {
      for (const key of [...this.#state.records.keys()]) removeRecord(this.#state, key, touched);
    });
    await this.#queue.alone(() => this.#repairs.removeAll());
    await Promise.all([...this.#state.networks.keys()].map((id) => dns.removeZone(id)));
    await files.removeAll();
    this.revision = 0;
    this.#isCompared = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#repairs.stop();
    await this.#queue.idle();
    await this.#options.files.flush();
    this.#holds.close();
    this.#keeper.places.close();
  }

  async #follow(revision: number, put: readonly NetworkRecord[], remove: () => readonly RecordKey[]): Promise<void> {
    await this.#change((touched) => {
      for (const key of remove()) removeRecord(this.#state, key, touched);
      for (const record of put) putRecord(this.#state, record, touched);
    });
    this.revision = Math.max(this.revision, revision);
    this.#options.files.saveRecords(() => ({ revision: this.revision, records: [...this.#state.records.values()] }));
    for (const wake of this.#networkWaiters) wake();
  }

  #change(mutate: (touched: Touched) => void): Promise<Applied> {
    return this.#queue.change(() => mutate(this.#touched));
  }

  /** Brings kernel and names after the state. */
  async #turn(): Promise<Applied> {
    const touched = this.#touched;
    this.#touched = new Touched();
    const ports = [...touched.aspects].flatMap((aspect) => (aspect.startsWith("port/") ? [aspect.slice(5)] : []));
    await this.#holds.take(ports);
    const [applied] = await Promise.all([this.#keeper.follow(touched), this.#zones.push(touched.zones)]);
    this.#holds.release(ports);
    for (const place of applied.failures.keys()) this.#repairs.failed(place, applied.failures.get(place));
    return applied;
  }

  #problems(): NetworkProblem[] {
    return problemsOf(this.#state, this.#repairs.failures);
  }

  async #attach(sandbox: Sandbox, startedAt: number): Promise<Attached> {
    const found = await this.#attacher.find(sandbox);
    const { containerId } = sandbox;
    const before = this.#state.attachments.get(containerId);
    if (before && before.inode !== found.inode) await this.#detach(containerId); // it was started again
    const attachment = await this.#attacher.prepare(sandbox, found);
    try {
      const applied = await this.#change((touched) => putAttachment(this.#state, attachment, touched));
      await this.#mustHold(attachment, applied);
    } catch (error) {
      if (before?.inode === found.inode) await this.#restore(before, found);
      else await this.#detach(containerId);
      throw error;
    } finally {
      this.#attacher.settled(containerId);
    }
    await this.#options.files.saveAttachment(attachment);
    this.#took.set(containerId, performance.now() - startedAt);
    return this.#attachedAs(attachment);
  }

  #attachedAs({ sandbox, interfaces, hostPorts }: Attachment): Attached {
    return { interfaces, hostPorts, tookMs: this.#took.get(sandbox.containerId) ?? 0 };
  }

  /** A running container that could not be given more keeps what it had. */
  async #restore(before: Attachment, found: Found): Promise<void> {
    const again = await this.#attacher.prepare(before.sandbox, found);
    await this.#change((touched) => putAttachment(this.#state, { ...before, dns: again.dns }, touched));
  }

  /** Something else may have failed in a router at the same time; what counts is whether this container has all of its own. */
  async #mustHold({ sandbox: { containerId } }: Attachment, { failures }: Applied): Promise<void> {
    if (failures.size === 0) return;
    const own = failures.get(containerPlace(containerId));
    const refusal = (cause: Error) =>
      new DomainError("internal", `attaching container ${containerId.slice(0, 12)}: ${cause.message}`, { cause });
    if (own) throw refusal(own);
    await this.#queue.alone(async () => {
      for (const [place, error] of failures)
        if (!(await this.#keeper.holds(place as Place, `container/${containerId}`))) throw refusal(error);
    });
  }

  async #detach(containerId: string): Promise<void> {
    const attachment = this.#state.attachments.get(containerId);
    await this.#options.dns.close(containerId);
    await this.#change((touched) => removeAttachment(this.#state, containerId, touched));
    if (attachment) await this.#attacher.leave(attachment);
    this.#holds.release(attachment?.hostPorts.map(portKey) ?? []);
    this.#took.delete(containerId);
    await this.#options.files.removeAttachment(containerId);
  }

  /** False when the container is gone. */
  async #reopen(attachment: Attachment): Promise<boolean> {
    const { sandbox, inode } = attachment;
    try {
      const found = await this.#attacher.find(sandbox);
      if (found.inode !== inode) return false;
      this.#state.putAttachment(attachment);
      const again = await this.#attacher.prepare(sandbox, found);
      this.#attacher.settled(sandbox.containerId);
      this.#state.putAttachment({ ...attachment, dns: again.dns });
      return true;
    } catch (error) {
      this.#options.logger.info({ container: sandbox.containerId, err: error }, "container is gone");
      this.#state.removeAttachment(sandbox.containerId);
      return false;
    }
  }

  async #knowsNetworks({ interfaces }: Sandbox): Promise<void> {
    const missing = () => interfaces.find(({ networkId }) => !this.#state.networks.has(networkId));
    const until = this.#options.clock.now() + networkWaitMs;
    while (missing() && this.#options.clock.now() < until) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          cancel();
          this.#networkWaiters.delete(wake);
          resolve();
        };
        const cancel = this.#options.clock.after(until - this.#options.clock.now(), wake);
        this.#networkWaiters.add(wake);
      });
    }
    const unknown = missing();
    if (unknown) throw new DomainError("not-found", `network ${unknown.networkId} not found`);
  }

  #inOrder<T>(containerId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#calls.get(containerId) ?? Promise.resolve();
    const result = before.then(work);
    const settled = result
      .catch(() => {})
      .then(() => {
        if (this.#calls.get(containerId) === settled) this.#calls.delete(containerId);
      });
    this.#calls.set(containerId, settled);
    return result;
  }
}
