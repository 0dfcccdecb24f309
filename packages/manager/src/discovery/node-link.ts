import type { NetworkId, NetworkProblem, NetworkRecord, NodeId } from "@skep/model";
import { Pulse } from "./pulse.ts";
import type { RecordQueue } from "./record-queue.ts";

/** A session, as far as records are concerned. */
export interface RecordSession {
  readonly nodeId: NodeId;
  readonly records: RecordQueue;
  /** In place of all it was sent before. */
  sendAllRecords(revision: number, records: readonly NetworkRecord[]): void;
  /** Sends what waits in `records`, before anything else that waits. */
  flush(): void;
}

interface Holding {
  /** The revision from which on the node is told of the network. */
  since: number;
  /** The newest revision that changed anything on it. */
  newest: number;
  /** The node has it no more since then, but may not know yet. */
  leftAt?: number;
}

/** What this manager knows of one node's records, from one session to the next. */
export class NodeLink {
  readonly nodeId: NodeId;
  /** Beats whenever the node has acknowledged something, or is not waited for any more. */
  readonly progress = new Pulse();
  /** Open, and past its full set. */
  session: RecordSession | undefined;
  /** Of the session there is, or was last. */
  records: RecordQueue | undefined;
  removed = false;
  /** It has left, or is down for so long that nobody waits for it any more. */
  givenUp = false;
  #problems: readonly NetworkProblem[] = [];
  #acknowledgedRevision = 0;
  readonly #holdings = new Map<NetworkId, Holding>();

  constructor(nodeId: NodeId) {
    this.nodeId = nodeId;
  }

  /** The newest revision its kernel is known to have; 0 while nothing was heard of it since this manager started. */
  get acknowledgedRevision(): number {
    return this.#acknowledgedRevision;
  }

  get problems(): readonly NetworkProblem[] {
    return this.#problems;
  }

  /** The networks it is told of, those that it may not have forgotten yet among them. */
  get networkIds(): readonly NetworkId[] {
    return [...this.#holdings.keys()];
  }

  holding(networkId: NetworkId): Readonly<Holding> | undefined {
    return this.#holdings.get(networkId);
  }

  join(networkId: NetworkId, revision: number): void {
    this.#holdings.set(networkId, { since: revision, newest: revision });
  }

  touch(networkId: NetworkId, revision: number): void {
    const holding = this.#holdings.get(networkId);
    if (holding) holding.newest = revision;
  }

  leave(networkId: NetworkId, revision: number): void {
    const holding = this.#holdings.get(networkId);
    if (holding) Object.assign(holding, { newest: revision, leftAt: revision });
  }

  /** Yields the networks it is now known to have forgotten. */
  *acknowledge(revision: number, problems: readonly NetworkProblem[]): Generator<NetworkId> {
    this.#problems = problems;
    this.#acknowledgedRevision = Math.max(this.#acknowledgedRevision, revision);
    for (const [networkId, { leftAt }] of this.#holdings) {
      if (leftAt === undefined || leftAt > this.#acknowledgedRevision) continue;
      this.#holdings.delete(networkId);
      yield networkId;
    }
  }

  /** Its kernel has all that changed on the network up to `revision`. */
  hasAcknowledged(networkId: NetworkId, revision: number): boolean {
    return this.#acknowledgedRevision > 0 && this.#acknowledgedRevision >= this.neededFor(networkId, revision);
  }

  /** The revision it has to acknowledge to have all that changed on the network up to `revision`. */
  neededFor(networkId: NetworkId, revision: number): number {
    // Of what has changed since then it is only known that something has.
    return Math.max(Math.min(this.#holdings.get(networkId)?.newest ?? 0, revision), 1);
  }
}
