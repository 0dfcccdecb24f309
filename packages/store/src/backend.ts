import type { ChangeSet } from "./store.ts";

/**
 * Where a store's writes are made durable. `Encoded` is a change set in the form in which the backend writes it.
 * The store calls `commit` again only when the call before it has settled.
 */
export interface Backend<Encoded> {
  /** Called while the transaction runs, so what cannot be stored is refused to its author alone. */
  encode(set: ChangeSet): Encoded;
  /** Resolves when the next batch should be taken: time for writers just answered to write again, and share it. */
  gather(): Promise<void>;
  /**
   * Makes the change sets durable in this order, all of them or none. Rejects with a `DomainError`, after which none of
   * them may ever be seen; the store may try others.
   */
  commit(batch: readonly Encoded[]): Promise<void>;
  close(): Promise<void>;
}
