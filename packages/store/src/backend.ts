import type { ChangeSet } from "./store.ts";

/**
 * Where a store's writes are made durable. `Encoded` is a change set in the form in which the backend writes it.
 * The store calls `commit` again only when the call before it has settled.
 */
export interface Backend<Encoded> {
  /** Called while the transaction runs, so what cannot be stored is refused to its author alone. */
  encode(set: ChangeSet): Encoded;
  /** Called between two batches of several writers; resolves when those just answered have had time to write again. */
  gather(): Promise<void>;
  /**
   * Makes the change sets durable in this order, all of them or none. Rejects with a `DomainError`, after which none of
   * them may ever be seen; the store may try others.
   */
  commit(batch: readonly Encoded[]): Promise<void>;
  close(): Promise<void>;
}
