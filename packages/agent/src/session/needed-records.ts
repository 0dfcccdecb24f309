import {
  isNeeded,
  type ManagerMessage,
  type NetworkId,
  type NetworkRecord,
  type NodeId,
  networkIdsOf,
  type RecordKey,
  recordKey,
} from "@skep/model";

export type NetworkMessage = Extract<ManagerMessage, { type: "network" }>;

/**
 * Drops what this node does not need any more: the manager says nothing more about networks that the node has left
 * (`isNeeded`). What a message costs depends on what it changes, not on how much is known.
 */
export class NeededRecords {
  readonly #nodeId: NodeId;
  readonly #records = new Map<RecordKey, NetworkRecord>();
  readonly #ofNetwork = new Map<NetworkId, Set<RecordKey>>();
  /** The records that make this node have a network: its own endpoints there, or the ingress network itself. */
  readonly #reasons = new Map<NetworkId, Set<RecordKey>>();

  constructor(nodeId: NodeId) {
    this.#nodeId = nodeId;
  }

  /** The message as it is to be taken over: without what is not needed, and taking away what is not needed any more. */
  take(message: NetworkMessage): NetworkMessage {
    if (message.full) for (const map of [this.#records, this.#ofNetwork, this.#reasons]) map.clear();
    const keys = message.put.map(recordKey);
    const known = new Set(keys.filter((key) => this.#records.has(key)));
    const left = new Set([...message.remove, ...keys].flatMap((key) => this.#forget(key)));
    for (const record of message.put) this.#keep(record);
    const suspects = new Set(keys);
    for (const networkId of left)
      if (!this.#reasons.has(networkId)) for (const key of this.#ofNetwork.get(networkId) ?? []) suspects.add(key);
    const dropped = [...suspects].filter((key) => !this.#needs(key));
    const isNew = new Set(keys.filter((key) => !known.has(key)));
    for (const key of dropped) this.#forget(key);
    return {
      ...message,
      put: message.put.filter((record) => this.#records.has(recordKey(record))),
      remove: [...message.remove, ...dropped.filter((key) => !isNew.has(key))],
    };
  }

  #needs(key: RecordKey): boolean {
    const record = this.#records.get(key);
    return record !== undefined && isNeeded(record, this.#nodeId, this.#reasons);
  }

  #keep(record: NetworkRecord): void {
    const key = recordKey(record);
    this.#records.set(key, record);
    for (const networkId of networkIdsOf(record)) add(this.#ofNetwork, networkId, key);
    for (const networkId of this.#reasonFor(record)) add(this.#reasons, networkId, key);
  }

  /** The networks that there may be no reason for any more. */
  #forget(key: RecordKey): readonly NetworkId[] {
    const record = this.#records.get(key);
    if (!record) return [];
    this.#records.delete(key);
    for (const networkId of networkIdsOf(record)) remove(this.#ofNetwork, networkId, key);
    const networkIds = this.#reasonFor(record);
    for (const networkId of networkIds) remove(this.#reasons, networkId, key);
    return networkIds;
  }

  #reasonFor(record: NetworkRecord): readonly NetworkId[] {
    const isReason =
      record.kind === "network" ? record.ingress : record.kind === "endpoint" && record.nodeId === this.#nodeId;
    return isReason ? networkIdsOf(record) : [];
  }
}

function add(map: Map<NetworkId, Set<RecordKey>>, networkId: NetworkId, key: RecordKey): void {
  const keys = map.get(networkId);
  if (keys) keys.add(key);
  else map.set(networkId, new Set([key]));
}

function remove(map: Map<NetworkId, Set<RecordKey>>, networkId: NetworkId, key: RecordKey): void {
  const keys = map.get(networkId);
  if (keys?.delete(key) && keys.size === 0) map.delete(networkId);
}
