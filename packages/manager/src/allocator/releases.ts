import type { AddressId, Network, NetworkId } from "@skep/model";
import type { Store, Transaction } from "@skep/store";
import type { ReleaseGate } from "./release-gate.ts";

const deletionsPerTransaction = 500;

/** What was given up on one network and not forgotten by all nodes yet: revisions of the release, by id. */
interface Pending {
  readonly addresses: Map<AddressId, number>;
  network?: number;
}

/**
 * Waits, one wait a network at a time, until no node knows what was given up there, and then deletes it, so that it can
 * be taken again. What is released while one wait lasts is for the next.
 */
export class Releases {
  readonly #store: Store;
  readonly #gate: ReleaseGate;
  readonly #failed: (error: unknown, networkId: NetworkId) => void;
  readonly #pending = new Map<NetworkId, Pending>();
  readonly #running = new Map<NetworkId, Promise<void>>();

  constructor(store: Store, gate: ReleaseGate, failed: (error: unknown, networkId: NetworkId) => void) {
    this.#store = store;
    this.#gate = gate;
    this.#failed = failed;
  }

  noteAddress(networkId: NetworkId, id: AddressId, revision: number, signal: AbortSignal): void {
    this.#of(networkId).addresses.set(id, revision);
    this.#start(networkId, signal);
  }

  noteNetwork({ id, releasedAt }: Pick<Network, "id" | "releasedAt">, signal: AbortSignal): void {
    if (releasedAt === undefined) return;
    this.#of(id).network = releasedAt;
    this.#start(id, signal);
  }

  /** Resolves when no wait is left; to be called when the signal has aborted. */
  async ended(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #of(networkId: NetworkId): Pending {
    const pending = this.#pending.get(networkId) ?? { addresses: new Map() };
    this.#pending.set(networkId, pending);
    return pending;
  }

  #start(networkId: NetworkId, signal: AbortSignal): void {
    if (this.#running.has(networkId)) return;
    const running = this.#drain(networkId, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#failed(error, networkId);
      })
      .finally(() => this.#running.delete(networkId));
    this.#running.set(networkId, running);
  }

  async #drain(networkId: NetworkId, signal: AbortSignal): Promise<void> {
    for (let pending = this.#pending.get(networkId); pending && !signal.aborted; ) {
      const revision = Math.max(pending.network ?? 0, ...newest(pending.addresses));
      await this.#gate.whenAcknowledged(networkId, revision, signal);
      if (signal.aborted) return;
      await this.#forget(networkId, pending, revision);
      if (pending.addresses.size === 0 && pending.network === undefined) this.#pending.delete(networkId);
      pending = this.#pending.get(networkId);
    }
  }

  async #forget(networkId: NetworkId, pending: Pending, revision: number): Promise<void> {
    const ids = [...pending.addresses].filter(([, releasedAt]) => releasedAt <= revision).map(([id]) => id);
    for (let from = 0; from < ids.length; from += deletionsPerTransaction) {
      const portion = ids.slice(from, from + deletionsPerTransaction);
      await this.#store.update((tx) => {
        for (const id of portion) deleteReleased(tx, id, revision);
      });
      for (const id of portion) if ((pending.addresses.get(id) ?? 0) <= revision) pending.addresses.delete(id);
    }
    if (pending.network === undefined || pending.network > revision) return;
    await this.#store.update((tx) => {
      const rest = tx.find("address", "network", networkId);
      for (const { id } of rest) deleteReleased(tx, id, revision);
      tx.delete("network", networkId);
    });
    delete pending.network;
  }
}

/** The largest, as a list of one or none: spreading thousands of arguments would overflow the stack. */
function newest(revisions: ReadonlyMap<AddressId, number>): number[] {
  let most: number | undefined;
  for (const revision of revisions.values()) if (most === undefined || revision > most) most = revision;
  return most === undefined ? [] : [most];
}

function deleteReleased(tx: Transaction, id: AddressId, revision: number): void {
  const releasedAt = tx.get("address", id)?.releasedAt;
  if (releasedAt !== undefined && releasedAt <= revision) tx.delete("address", id);
}
