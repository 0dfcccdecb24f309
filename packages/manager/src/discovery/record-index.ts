import { isDeepStrictEqual } from "node:util";
import {
  isHidden,
  type Network,
  type NetworkId,
  type NetworkRecord,
  type Node,
  type NodeId,
  networkIdsOf,
  type RecordKey,
  type Service,
  type Task,
  type TaskId,
} from "@skep/model";
import type { AnyChange, Change, ChangeSet, Reader } from "@skep/store";
import { type MembershipChange, Memberships } from "./memberships.ts";
import { Multimap } from "./multimap.ts";
import { endpointRecord, hasTemplate, overlayRecord, peerRecord, serviceRecord } from "./records.ts";

export interface RecordChange {
  readonly key: RecordKey;
  readonly before?: NetworkRecord;
  readonly after?: NetworkRecord;
}

export interface IndexUpdate {
  readonly records: readonly RecordChange[];
  readonly memberships: readonly MembershipChange[];
}

export interface IndexedRecord {
  readonly record: NetworkRecord;
  /** The revision it came into being with, as it is now. */
  readonly changedAt: number;
}

/**
 * All records as they are at one revision, by what nodes need of them. Follows the store change by change; what one
 * costs does not depend on how much there is. It looks at nothing but the changes, so it is never ahead of itself.
 */
export class RecordIndex {
  readonly #records = new Map<RecordKey, IndexedRecord>();
  readonly #ofKind = new Multimap<NetworkRecord["kind"], RecordKey>();
  readonly #ofNetwork = new Multimap<NetworkId, RecordKey>();
  readonly #ofNode = new Multimap<NodeId, RecordKey>();
  readonly #memberships = new Memberships();
  readonly #nodes = new Map<NodeId, Node>();
  readonly #networkIds = new Map<string, NetworkId>();
  readonly #ingress = new Set<NetworkId>();
  /** Tasks whose record shows something of their node. */
  readonly #templated = new Multimap<NodeId, TaskId>();
  readonly #tasks = new Map<TaskId, Task>();
  readonly #touchedAt = new Map<NetworkId, number>();
  /** Networks and nodes, kept for the next full set: when a manager starts, all nodes come at once. */
  #forAll: NetworkRecord[] | undefined;
  #revision = 0;

  /** Everything as the store has it. */
  static of(reader: Reader): RecordIndex {
    const index = new RecordIndex();
    const changes: AnyChange[] = [];
    for (const after of reader.all("network")) changes.push({ kind: "network", id: after.id, after });
    for (const after of reader.all("node")) changes.push({ kind: "node", id: after.id, after });
    for (const after of reader.all("service")) changes.push({ kind: "service", id: after.id, after });
    for (const after of reader.all("task")) changes.push({ kind: "task", id: after.id, after });
    index.apply({ revision: reader.revision, changes });
    return index;
  }

  get revision(): number {
    return this.#revision;
  }

  get nodes(): ReadonlyMap<NodeId, Node> {
    return this.#nodes;
  }

  get(key: RecordKey): IndexedRecord | undefined {
    return this.#records.get(key);
  }

  /** Networks that a node has containers on, and the ingress network. */
  networksOf(nodeId: NodeId): Iterable<NetworkId> {
    return this.#memberships.networksOf(nodeId);
  }

  /** Services and endpoints on a network. */
  *recordsOf(networkId: NetworkId): Generator<NetworkRecord> {
    yield* this.#read(this.#ofNetwork.get(networkId));
  }

  /** All networks there are. */
  *networks(): Generator<NetworkRecord & { readonly kind: "network" }> {
    for (const record of this.#read(this.#ofKind.get("network"))) if (record.kind === "network") yield record;
  }

  /** The newest revision that changed anything on the network. */
  touchedAt(networkId: NetworkId): number {
    return this.#touchedAt.get(networkId) ?? 0;
  }

  /** All that a node needs. */
  fullSet(nodeId: NodeId): NetworkRecord[] {
    const keys = new Set<RecordKey>();
    for (const key of this.#ofNode.get(nodeId)) keys.add(key);
    for (const networkId of this.networksOf(nodeId)) for (const key of this.#ofNetwork.get(networkId)) keys.add(key);
    this.#forAll ??= [...this.#read(this.#ofKind.get("network")), ...this.#read(this.#ofKind.get("peer"))];
    return [...this.#forAll, ...this.#read(keys)];
  }

  apply({ revision, changes }: ChangeSet): IndexUpdate {
    this.#revision = revision;
    const changed: RecordChange[] = [];
    const put = (key: RecordKey, after: NetworkRecord | undefined) => {
      const change = this.#put(key, after);
      if (change) changed.push(change);
    };
    // Services and tasks are seen with the networks and nodes of their own revision.
    for (const change of changes) {
      if (isOf(change, "network")) this.#network(change, put);
      else if (isOf(change, "node")) this.#node(change, put);
    }
    for (const change of changes) {
      if (isOf(change, "service")) put(`service/${change.id}`, this.#serviceRecord(change.after));
      else if (isOf(change, "task")) this.#task(change, put);
    }
    return { records: changed, memberships: this.#memberships.takeChanges() };
  }

  #network({ id, before, after }: Change<"network">, put: Put): void {
    const networkId = id as NetworkId;
    const record = after && overlayRecord(after);
    if (before && this.#networkIds.get(nameKey(before)) === id) this.#networkIds.delete(nameKey(before));
    if (after && record && !isHidden(after)) this.#networkIds.set(nameKey(after), networkId);
    this.#setIngress(networkId, record?.ingress === true);
    put(`network/${id}`, record);
    if (!after) this.#touchedAt.delete(networkId);
  }

  /** Every node has the ingress network. */
  #setIngress(networkId: NetworkId, isIngress: boolean): void {
    if (isIngress === this.#ingress.has(networkId)) return;
    if (isIngress) this.#ingress.add(networkId);
    else this.#ingress.delete(networkId);
    for (const nodeId of this.#nodes.keys()) this.#hold(nodeId, networkId, isIngress);
  }

  #node({ id, before, after }: Change<"node">, put: Put): void {
    const nodeId = id as NodeId;
    if (after) this.#nodes.set(nodeId, after);
    else this.#nodes.delete(nodeId);
    if (!before !== !after) for (const networkId of this.#ingress) this.#hold(nodeId, networkId, after !== undefined);
    put(`peer/${id}`, after && peerRecord(after));
    if (isDeepStrictEqual(before?.description, after?.description)) return;
    for (const taskId of this.#templated.get(nodeId))
      put(`endpoint/${taskId}`, this.#endpointRecord(this.#tasks.get(taskId)));
  }

  #task({ id, before, after }: Change<"task">, put: Put): void {
    const taskId = id as TaskId;
    if (before?.nodeId) this.#templated.delete(before.nodeId, taskId);
    this.#tasks.delete(taskId);
    if (after?.nodeId && hasTemplate(after)) {
      this.#templated.add(after.nodeId, taskId);
      this.#tasks.set(taskId, after);
    }
    put(`endpoint/${id}`, this.#endpointRecord(after));
  }

  #serviceRecord(service: Service | undefined): NetworkRecord | undefined {
    return service && serviceRecord(service, (target) => this.#networkId(target));
  }

  #endpointRecord(task: Task | undefined): NetworkRecord | undefined {
    return task && endpointRecord(task, task.nodeId && this.#nodes.get(task.nodeId));
  }

  #networkId(target: string): NetworkId | undefined {
    if (this.#records.has(`network/${target}`)) return target as NetworkId;
    return this.#networkIds.get(target.toLowerCase());
  }

  /** Undefined when the record stays as it was. */
  #put(key: RecordKey, after: NetworkRecord | undefined): RecordChange | undefined {
    const before = this.#records.get(key)?.record;
    if (isDeepStrictEqual(before, after)) return undefined;
    if (before) this.#forget(key, before);
    if (after) this.#keep(key, after);
    if (isForAll(before) || isForAll(after)) this.#forAll = undefined;
    return { key, ...(before && { before }), ...(after && { after }) };
  }

  #keep(key: RecordKey, record: NetworkRecord): void {
    this.#records.set(key, { record, changedAt: this.#revision });
    this.#ofKind.add(record.kind, key);
    for (const networkId of networkIdsOf(record)) {
      if (record.kind !== "network") this.#ofNetwork.add(networkId, key);
      this.#touchedAt.set(networkId, this.#revision);
    }
    if (record.kind !== "endpoint") return;
    this.#ofNode.add(record.nodeId, key);
    for (const networkId of networkIdsOf(record)) this.#hold(record.nodeId, networkId, true);
  }

  #forget(key: RecordKey, record: NetworkRecord): void {
    this.#records.delete(key);
    this.#ofKind.delete(record.kind, key);
    for (const networkId of networkIdsOf(record)) {
      this.#ofNetwork.delete(networkId, key);
      this.#touchedAt.set(networkId, this.#revision);
    }
    if (record.kind !== "endpoint") return;
    this.#ofNode.delete(record.nodeId, key);
    for (const networkId of networkIdsOf(record)) this.#hold(record.nodeId, networkId, false);
  }

  #hold(nodeId: NodeId, networkId: NetworkId, hold: boolean): void {
    if (hold) this.#memberships.hold(nodeId, networkId);
    else this.#memberships.release(nodeId, networkId);
  }

  *#read(keys: Iterable<RecordKey>): Generator<NetworkRecord> {
    for (const key of keys) {
      const indexed = this.#records.get(key);
      if (indexed) yield indexed.record;
    }
  }
}

type Put = (key: RecordKey, after: NetworkRecord | undefined) => void;

/** Every node has all of these. */
export const isForAll = (record: NetworkRecord | undefined): boolean =>
  record?.kind === "network" || record?.kind === "peer";

const nameKey = ({ spec }: Network): string => spec.Name.toLowerCase();

const isOf = <K extends Change["kind"]>(change: Change, kind: K): change is Change<K> => change.kind === kind;
