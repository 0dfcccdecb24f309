import { type Clock, DomainError, timestamp } from "@skep/model";
import type { Backend } from "./backend.ts";
import { History } from "./history.ts";
import { Overlays } from "./overlays.ts";
import { RevisionWaiters } from "./revision-waiters.ts";
import type { ChangeSet, Lease, Reader, Store, Transaction } from "./store.ts";
import type { Tables } from "./tables.ts";
import { WriteTransaction } from "./write-transaction.ts";

/** A transaction that has run, and whose author waits for it to be durable. */
interface Pending<Encoded> {
  /** Absent when it wrote nothing. */
  readonly write?: { readonly set: ChangeSet; readonly encoded: Encoded };
  done(): void;
  failed(reason: unknown): void;
}

/** More than this many transactions wait for the next batch, so that one batch is never long in the making. */
const maxBatch = 1000;

/** A store that keeps all objects in memory and hands what changes to a backend, one batch at a time. */
export class BackedStore<Encoded> implements Store {
  private readonly backend: Backend<Encoded>;
  private readonly clock: Pick<Clock, "now">;
  private readonly durable: Tables;
  private readonly newest: Overlays;
  private readonly history: History;
  private readonly waiters = new RevisionWaiters();
  private readonly closing = new AbortController();
  private newestRevision: number;
  private pending: Pending<Encoded>[] = [];
  private committing: Promise<void> | undefined;
  private inTransaction = false;

  /** `contents` is what the backend holds; the store owns it from here on. */
  constructor(backend: Backend<Encoded>, contents: Tables, clock: Pick<Clock, "now">) {
    this.backend = backend;
    this.clock = clock;
    this.durable = contents;
    this.newest = new Overlays(contents);
    this.history = new History(contents.revision);
    this.newestRevision = contents.revision;
  }

  view(): Reader {
    return this.durable;
  }

  update<T>(change: (tx: Transaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closing.signal.aborted) throw storeClosed();
      const { result, write } = this.run(change);
      if (!write && !this.committing) return resolve(result);
      this.pending.push({ ...(write && { write }), done: () => resolve(result), failed: reject });
      this.committing ??= this.commitPending();
    });
  }

  async *watch(revision: number, signal: AbortSignal): AsyncGenerator<ChangeSet, void> {
    let seen = revision;
    while (!signal.aborted) {
      const set = this.history.after(seen);
      if (set) {
        seen = set.revision;
        yield set;
      } else await this.changed(seen, signal);
    }
  }

  async changed(revision: number, signal: AbortSignal): Promise<void> {
    if (this.durable.revision > revision || signal.aborted) return;
    if (this.closing.signal.aborted) throw storeClosed();
    await this.waiters.wait(revision, signal);
  }

  async lead(signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted();
    if (this.closing.signal.aborted) throw storeClosed();
    return { lost: this.closing.signal, [Symbol.asyncDispose]: async () => {} };
  }

  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort(storeClosed());
    await this.committing;
    this.waiters.rejectAll(storeClosed());
    await this.backend.close();
  }

  private run<T>(change: (tx: Transaction) => T): { result: T; write: Pending<Encoded>["write"] } {
    if (this.inTransaction) throw new Error("a transaction was started inside another one");
    let now: string | undefined;
    const tx = new WriteTransaction(this.newestRevision + 1, this.newest, () => {
      now ??= timestamp(this.clock.now());
      return now;
    });
    this.inTransaction = true;
    try {
      const result = change(tx);
      if (result instanceof Promise) throw new Error("a transaction's function must be synchronous");
      return { result, write: this.take({ revision: tx.revision, changes: tx.changes() }) };
    } catch (err) {
      tx.rollBack();
      throw err;
    } finally {
      tx.end();
      this.inTransaction = false;
    }
  }

  private take(set: ChangeSet): Pending<Encoded>["write"] {
    if (set.changes.length === 0) return undefined;
    const encoded = this.backend.encode(set);
    this.newestRevision = set.revision;
    return { set, encoded };
  }

  private async commitPending(): Promise<void> {
    await Promise.resolve(); // what else is written in this turn comes along
    while (this.pending.length > 0) {
      const batch = this.pending.splice(0, maxBatch);
      const writes = batch.flatMap(({ write }) => write ?? []);
      try {
        if (writes.length > 0) await this.backend.commit(writes.map(({ encoded }) => encoded));
      } catch (err) {
        this.forgetUndurable([...batch, ...this.pending.splice(0)], err);
        continue;
      }
      for (const { set } of writes) this.settle(set);
      this.waiters.advance(this.durable.revision);
      for (const { done } of batch) done();
      const overlapping = batch.length > 1 || this.pending.length > 0;
      if (overlapping) await this.backend.gather();
    }
    this.committing = undefined;
  }

  private settle(set: ChangeSet): void {
    this.durable.apply(set);
    this.newest.settle(set);
    this.history.push(set);
  }

  /** Everything that waits was run on top of what has just failed, so all of it goes. */
  private forgetUndurable(lost: readonly Pending<Encoded>[], reason: unknown): void {
    this.newest.clear();
    this.newestRevision = this.durable.revision;
    for (const { failed } of lost) failed(reason);
  }
}

const storeClosed = () => new DomainError("unavailable", "the store is closed: the daemon is shutting down");
