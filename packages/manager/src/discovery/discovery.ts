import {
  type Clock,
  type NetworkId,
  type NetworkProblem,
  type NetworkRecord,
  type Node,
  type NodeId,
  networkIdsOf,
  type RecordKey,
  recordKey,
  type TaskId,
} from "@skep/model";
import type { ChangeSet, Reader } from "@skep/store";
import type { ReleaseGate } from "../allocator/release-gate.ts";
import type { MembershipChange } from "./memberships.ts";
import { Multimap } from "./multimap.ts";
import { allMet, isAway, needsOfEndpoint, needsOfNetwork } from "./needs.ts";
import { describeProgress, type NetworkProgress } from "./network-progress.ts";
import { NodeLink, type RecordSession } from "./node-link.ts";
import { Pulse } from "./pulse.ts";
import { isForAll, type RecordChange, RecordIndex } from "./record-index.ts";

/**
 * Keeps every node's records equal to what it needs of the store's, and knows how far each node's kernel is. A changed
 * record is queued for the nodes that have one of its networks, and costs nothing elsewhere; what a node begins to need
 * is queued with its own endpoint that is the reason. What it ceases to need it drops by itself (`isNeeded` in model):
 * nobody keeps a list of what it was sent. Until a node has acknowledged that it has left a network it is told what
 * happens there, so that it misses nothing if it comes back at once.
 */
export class Discovery implements ReleaseGate {
  readonly #clock: Pick<Clock, "now">;
  readonly #links = new Map<NodeId, NodeLink>();
  /** The nodes with a holding of each network. */
  readonly #holders = new Multimap<NetworkId, NodeLink>();
  readonly #unflushed = new Set<RecordSession>();
  readonly #followed = new Pulse();
  #index = new RecordIndex();

  constructor(options: { readonly clock: Pick<Clock, "now"> }) {
    this.#clock = options.clock;
  }

  /** Everything up to here is queued for those who need it. */
  get revision(): number {
    return this.#index.revision;
  }

  /** Resolves when `revision` has moved on. */
  moved(signal?: AbortSignal): Promise<void> {
    return this.#followed.next(signal);
  }

  /** Begins with the store as it is now, or begins again: every open session gets its full set. */
  restart(reader: Reader): void {
    this.#index = RecordIndex.of(reader);
    const { nodes, revision } = this.#index;
    for (const link of [...this.#links.values()]) if (!nodes.has(link.nodeId)) this.#remove(link);
    for (const nodeId of nodes.keys()) {
      const link = this.#linkOf(nodeId);
      const has = new Set(this.#index.networksOf(nodeId));
      for (const networkId of link.networkIds) if (!has.has(networkId)) link.leave(networkId, revision);
      for (const networkId of has) this.#join(link, networkId);
      if (link.session) this.#sendAll(link.session);
      link.progress.beat();
    }
    this.#followed.beat();
  }

  /** The changes of the next revision. True when there is something to flush. */
  follow(changeSet: ChangeSet): boolean {
    const { records, memberships } = this.#index.apply(changeSet);
    for (const change of changeSet.changes)
      if (change.kind === "node") this.#node(change.id as NodeId, change.before, change.after);
    // Networks before what is on them, so that they also wait in this order.
    const concernsAll = ({ before, after }: RecordChange) => isForAll(before ?? after);
    for (const change of records) if (concernsAll(change)) this.#spread(change);
    for (const change of memberships) this.#member(change);
    for (const change of records) if (!concernsAll(change)) this.#spread(change);
    this.#followed.beat();
    return this.#unflushed.size > 0;
  }

  /** Sends what is queued. */
  flush(): void {
    for (const session of this.#unflushed) session.flush();
    this.#unflushed.clear();
  }

  /** A session begins with its full set. The store must be followed up to now. */
  open(session: RecordSession): void {
    const link = this.#links.get(session.nodeId);
    if (!link) return;
    link.session = session;
    link.givenUp = false;
    link.records = session.records;
    this.#sendAll(session);
  }

  close(session: RecordSession): void {
    this.#unflushed.delete(session);
    session.records.clear();
    const link = this.#links.get(session.nodeId);
    if (link?.session === session) link.session = undefined;
  }

  /** The node has left, or is down for a long time: what was released is not kept for it any more. */
  giveUp(nodeId: NodeId): void {
    const link = this.#links.get(nodeId);
    if (!link || link.session) return;
    link.givenUp = true;
    link.progress.beat();
  }

  /** What a node says of its kernel. */
  acknowledge({ nodeId, records }: RecordSession, revision: number, problems: readonly NetworkProblem[]): void {
    const link = this.#links.get(nodeId);
    if (!link) return;
    for (const networkId of link.acknowledge(records.acknowledge(revision), problems))
      this.#holders.delete(networkId, link);
    link.progress.beat();
  }

  /** Nothing that changed on the network up to `revision` is missing in the node's kernel. */
  acknowledged(nodeId: NodeId, networkId: NetworkId, revision: number): boolean {
    return revision <= this.revision && this.#links.get(nodeId)?.hasAcknowledged(networkId, revision) === true;
  }

  /**
   * Resolves when every node with a network of the task, its own node too, has acknowledged the task's record as it is
   * at `revision`, the store's at the call. Nodes without a session are waited for until they are back or down.
   */
  async settled(taskId: TaskId, revision: number, signal: AbortSignal): Promise<void> {
    await this.#reached(revision, signal);
    const indexed = this.#index.get(`endpoint/${taskId}`);
    if (indexed?.record.kind !== "endpoint") return;
    const { record, changedAt } = indexed;
    const needs = needsOfEndpoint(record, changedAt, this.#links.get(record.nodeId), (id) => this.#holders.get(id));
    await allMet(needs, (link) => this.#isAway(link), signal);
  }

  /**
   * Also a node that is down must have come back, been removed, or been given up: when it left, or after a day. Those that were down
   * before this manager started are not waited for.
   */
  async whenAcknowledged(networkId: NetworkId, revision: number, signal: AbortSignal): Promise<void> {
    await this.#reached(revision, signal);
    const needs = needsOfNetwork(this.#links.values(), networkId, revision);
    const isExcepted = (link: NodeLink) =>
      link.removed || link.givenUp || (link.acknowledgedRevision === 0 && this.#isAway(link));
    await allMet(needs, isExcepted, signal);
  }

  /** How far every node is, for the operator. */
  progress(): NetworkProgress {
    return describeProgress(this.#index, this.#links, this.#clock.now());
  }

  async #reached(revision: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.revision < revision) await this.moved(signal);
  }

  #isAway({ nodeId }: NodeLink): boolean {
    return isAway(this.#index.nodes.get(nodeId));
  }

  #node(nodeId: NodeId, before: Node | undefined, after: Node | undefined): void {
    const link = this.#links.get(nodeId);
    if (!after) {
      if (link) this.#remove(link);
    } else if (!link) {
      const added = this.#linkOf(nodeId);
      for (const networkId of this.#index.networksOf(nodeId)) this.#join(added, networkId);
    } else if (before?.status.state !== after.status.state) link.progress.beat();
  }

  #linkOf(nodeId: NodeId): NodeLink {
    const link = this.#links.get(nodeId) ?? new NodeLink(nodeId);
    this.#links.set(nodeId, link);
    return link;
  }

  #remove(link: NodeLink): void {
    link.removed = true;
    this.#links.delete(link.nodeId);
    for (const networkId of link.networkIds) this.#holders.delete(networkId, link);
    link.progress.beat();
  }

  #member({ nodeId, networkId, member }: MembershipChange): void {
    const link = this.#links.get(nodeId);
    if (!link) return;
    if (!member) {
      link.leave(networkId, this.revision);
      return;
    }
    this.#join(link, networkId);
    for (const record of this.#index.recordsOf(networkId)) this.#add(link, recordKey(record), record);
  }

  #join(link: NodeLink, networkId: NetworkId): void {
    link.join(networkId, this.revision);
    this.#holders.add(networkId, link);
  }

  #spread({ key, before, after }: RecordChange): void {
    const informed = after ? this.#audience(after) : new Set<NodeLink>();
    for (const link of informed) this.#add(link, key, after);
    if (before) for (const link of this.#audience(before)) if (!informed.has(link)) this.#add(link, key, undefined);
  }

  /** Those who may need the record, or may still have it. */
  #audience(record: NetworkRecord): Set<NodeLink> {
    const audience = new Set<NodeLink>(isForAll(record) ? this.#links.values() : []);
    const own = record.kind === "endpoint" ? this.#links.get(record.nodeId) : undefined;
    if (own) audience.add(own);
    for (const networkId of networkIdsOf(record)) {
      for (const link of this.#holders.get(networkId)) {
        link.touch(networkId, this.revision);
        audience.add(link);
      }
    }
    return audience;
  }

  #add({ session }: NodeLink, key: RecordKey, record: NetworkRecord | undefined): void {
    if (!session) return;
    session.records.add(this.revision, key, record);
    this.#unflushed.add(session);
  }

  #sendAll(session: RecordSession): void {
    this.#unflushed.delete(session);
    session.sendAllRecords(this.revision, this.#index.fullSet(session.nodeId));
  }
}
