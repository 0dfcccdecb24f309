import type { NetworkId, NodeId } from "@skep/model";

/** A node begins or ceases to have a network. */
export interface MembershipChange {
  readonly nodeId: NodeId;
  readonly networkId: NetworkId;
  readonly member: boolean;
}

interface Touched {
  readonly nodeId: NodeId;
  readonly networkId: NetworkId;
  readonly wasMember: boolean;
}

/** Which networks each node has: it has one as long as anything, counted here, holds it there. */
export class Memberships {
  readonly #counts = new Map<NodeId, Map<NetworkId, number>>();
  readonly #touched = new Map<string, Touched>();

  networksOf(nodeId: NodeId): Iterable<NetworkId> {
    return this.#counts.get(nodeId)?.keys() ?? [];
  }

  hold(nodeId: NodeId, networkId: NetworkId): void {
    this.#add(nodeId, networkId, 1);
  }

  release(nodeId: NodeId, networkId: NetworkId): void {
    this.#add(nodeId, networkId, -1);
  }

  /** What has changed since the last call; what was given up and taken again meanwhile has not. */
  takeChanges(): MembershipChange[] {
    const changes = [...this.#touched.values()].flatMap(({ nodeId, networkId, wasMember }) => {
      const member = this.#has(nodeId, networkId);
      return member === wasMember ? [] : [{ nodeId, networkId, member }];
    });
    this.#touched.clear();
    return changes;
  }

  #has(nodeId: NodeId, networkId: NetworkId): boolean {
    return this.#counts.get(nodeId)?.has(networkId) === true;
  }

  #add(nodeId: NodeId, networkId: NetworkId, difference: number): void {
    const pair = `${nodeId}/${networkId}`;
    if (!this.#touched.has(pair))
      this.#touched.set(pair, { nodeId, networkId, wasMember: this.#has(nodeId, networkId) });
    const counts = this.#counts.get(nodeId) ?? new Map<NetworkId, number>();
    const count = (counts.get(networkId) ?? 0) + difference;
    if (count > 0) counts.set(networkId, count);
    else counts.delete(networkId);
    if (counts.size > 0) this.#counts.set(nodeId, counts);
    else this.#counts.delete(nodeId);
  }
}
