import type { NetworkId } from "@skep/model";
import type { Transaction } from "@skep/store";

/**
 * Where each search for something free goes on, so that it neither starts over every time nor hands out first what was
 * freed last. These are hints: what is taken is in the store alone, and forgetting all this costs one search each.
 */
export class Ipam {
  /** Where in a network's addresses; an index as `addressSpace` counts them. */
  readonly nextAddress = new Map<NetworkId, number>();
  /** First address of the pool's next subnet. */
  nextSubnet = 0;
  nextVni = 0;
  readonly #full = new WeakMap<Transaction, Map<NetworkId, string>>();

  /** Why there is nothing: a network that a transaction has searched in vain it does not search again for each task. */
  whyFull(tx: Transaction, networkId: NetworkId): string | undefined {
    return this.#full.get(tx)?.get(networkId);
  }

  noteFull(tx: Transaction, networkId: NetworkId, why: string): void {
    const full = this.#full.get(tx) ?? new Map();
    this.#full.set(tx, full.set(networkId, why));
  }

  /** The transaction has given up an address it had only just claimed. */
  forgetFull(tx: Transaction, networkId: NetworkId): void {
    this.#full.get(tx)?.delete(networkId);
  }
}
