import {
  type Clock,
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
import type { Attachment } from "./attachment.ts";
import { Containers } from "./containers.ts";
import type { DnsServer } from "./dns/dns-server.ts";
import type { Kernel } from "./host/kernel.ts";
import type { LegacyFirewall } from "./ingress/forward-policy.ts";
import { KernelKeeper } from "./kernel-keeper.ts";
import type { NetworkState } from "./network-state.ts";
import type { Attached, NetworkStatus, NodeNetwork } from "./node-network.ts";
import { Places } from "./places.ts";
import { PortHolds, type PortKeeper } from "./port-holds.ts";
import { problemsOf } from "./problems.ts";
import { Repairs } from "./repairs.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SavedFiles } from "./saved-files.ts";
import { statusOf } from "./status.ts";
import { putRecord, removeRecord, setPathMtu, Touched } from "./touched.ts";
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

/** The parts of the data plane, put together; what each does is told there. */
export class RunningNetwork implements NodeNetwork {
  revision = 0;
  readonly #options: RunningNetworkOptions;
  readonly #state: NetworkState;
  readonly #queue: TurnQueue<Applied>;
  readonly #keeper: KernelKeeper;
  readonly #holds: PortHolds;
  readonly #zones: ZonePush;
  readonly #containers: Containers;
  readonly #repairs: Repairs;
  /** Gathered by the changes of the turn to come. */
  #touched = new Touched();
  /** The kernel has been compared with records of a manager. */
  #isCompared = false;

  constructor(options: RunningNetworkOptions) {
    const { kernel, dns, state, ports, logger } = options;
    this.#options = options;
    this.#state = state;
    const places = new Places(kernel, state.attachments, (place) => this.#repairs.noticed(place));
    this.#keeper = new KernelKeeper(state, places, logger);
    this.#queue = new TurnQueue(() => this.#turn(), mostChanges);
    this.#holds = new PortHolds(state, ports);
    this.#zones = new ZonePush(state, dns);
    this.#containers = new Containers({
      ...options,
      keeper: this.#keeper,
      queue: this.#queue,
      holds: this.#holds,
      change: (mutate) => this.#change(mutate),
    });
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
        if (await this.#containers.takeUp(attachment)) continue;
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
    return this.#containers.attach(sandbox);
  }

  detach(containerId: string): Promise<void> {
    return this.#containers.detach(containerId);
  }

  get records(): ReadonlyMap<RecordKey, NetworkRecord> {
    return this.#state.records;
  }

  attached(containerId: string): Attached | undefined {
    return this.#containers.attached(containerId);
  }

  sandbox(containerId: string): Sandbox | undefined {
    return this.#state.attachments.get(containerId)?.sandbox;
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
    this.#containers.networksChanged();
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
}
