import type { Clock, ManagerMessage, NetworkRecord, NodeId, RecordKey } from "@skep/model";

export type NetworkMessage = Extract<ManagerMessage, { type: "network" }>;

/** Changes one message carries at most; a full set is never cut. */
const defaultMaxChanges = 100;
/** Of revisions under way only so many are told apart. */
const maxUnacknowledged = 100;

/**
 * What one session still has to be sent of the records, and what of it was not acknowledged yet. At most one change a
 * record waits, however slow the node reads.
 *
 * A node keeps what it needs only (`isNeeded` in model), and looks at that after every message. So that it never drops
 * what is cut in two: networks, peers and its own endpoints go first, and nothing is taken from it before.
 */
export class RecordQueue {
  readonly #nodeId: NodeId;
  readonly #clock: Pick<Clock, "now">;
  readonly #maxChanges: number;
  readonly #first = new Map<RecordKey, NetworkRecord | undefined>();
  readonly #rest = new Map<RecordKey, NetworkRecord | undefined>();
  #unacknowledged: { revision: number; readonly sentAtMs: number }[] = [];
  #pendingRevision = 0;
  #sentRevision = 0;

  constructor(nodeId: NodeId, clock: Pick<Clock, "now">, maxChanges: number = defaultMaxChanges) {
    this.#maxChanges = maxChanges;
    this.#nodeId = nodeId;
    this.#clock = clock;
  }

  /** The newest revision the node was told of; 0 until it has its full set. */
  get sentRevision(): number {
    return this.#sentRevision;
  }

  get size(): number {
    return this.#first.size + this.#rest.size;
  }

  /** When the oldest revision was sent that it has not acknowledged. */
  get waitingSinceMs(): number | undefined {
    return this.#unacknowledged[0]?.sentAtMs;
  }

  /** Everything the node should have, in place of whatever it was sent before. */
  replaceAll(revision: number, records: readonly NetworkRecord[]): NetworkMessage {
    this.clear();
    this.#sent(revision);
    return { type: "network", revision, full: true, put: records, remove: [] };
  }

  /** One change; undefined: there is no such record any more. */
  add(revision: number, key: RecordKey, record: NetworkRecord | undefined): void {
    const [into, other] = this.#goesFirst(record) ? [this.#first, this.#rest] : [this.#rest, this.#first];
    other.delete(key);
    into.set(key, record);
    this.#pendingRevision = revision;
  }

  /** The next message; undefined when there is nothing to send. */
  take(): NetworkMessage | undefined {
    if (this.size === 0) return undefined;
    const part = [...this.#takeFrom(this.#first, this.#maxChanges)];
    part.push(...this.#takeFrom(this.#rest, this.#maxChanges - part.length));
    // A revision is reached with the last of its changes only.
    if (this.size === 0) this.#sent(this.#pendingRevision);
    return {
      type: "network",
      revision: this.#sentRevision,
      full: false,
      put: part.flatMap(([, record]) => (record ? [record] : [])),
      remove: part.flatMap(([key, record]) => (record ? [] : [key])),
    };
  }

  /** How far the node can be, by what it says. */
  acknowledge(revision: number): number {
    const upTo = Math.min(revision, this.#sentRevision);
    this.#unacknowledged = this.#unacknowledged.filter((sent) => sent.revision > upTo);
    return upTo;
  }

  /** The session is over: nothing more will be sent. */
  clear(): void {
    this.#first.clear();
    this.#rest.clear();
  }

  #goesFirst(record: NetworkRecord | undefined): boolean {
    if (!record) return false;
    return record.kind === "endpoint" ? record.nodeId === this.#nodeId : record.kind !== "service";
  }

  *#takeFrom(map: Map<RecordKey, NetworkRecord | undefined>, count: number) {
    for (const entry of map) {
      if (count-- <= 0) return;
      map.delete(entry[0]);
      yield entry;
    }
  }

  #sent(revision: number): void {
    this.#sentRevision = revision;
    const last = this.#unacknowledged.at(-1);
    // The time of the older of the two stays: waiting is never made to look shorter than it is.
    if (last && this.#unacknowledged.length >= maxUnacknowledged) last.revision = revision;
    else this.#unacknowledged.push({ revision, sentAtMs: this.#clock.now() });
  }
}
