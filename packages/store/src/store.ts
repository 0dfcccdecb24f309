import type { Kind, Objects } from "@skep/model";

/**
 * Secondary indices. Each maps an object to the keys it is found under.
 * `name` is lower-cased for services, networks, secrets and configs, whose names are unique regardless of case.
 */
export interface Indices {
  readonly cluster: "name";
  readonly node: "name" | "role";
  readonly service: "name";
  /** `slot` is `<serviceId>/<slot>` (global: `<serviceId>/<nodeId>`). */
  readonly task: "service" | "node" | "slot" | "state" | "desired-state";
  readonly network: "name";
  /** `network` is its id, `owner` the id of the service or task. */
  readonly address: "network" | "owner";
  readonly secret: "name";
  readonly config: "name";
}

/** The state at one revision. Valid until the caller next awaits; objects are immutable and may be kept. */
export interface Reader {
  /** In a transaction: the revision that its writes will carry. */
  readonly revision: number;
  get<K extends Kind>(kind: K, id: string): Objects[K] | undefined;
  /** In no particular order, as the state was at the call; can be iterated over more than once. */
  all<K extends Kind>(kind: K): Iterable<Objects[K]>;
  count(kind: Kind): number;
  /** In no particular order. `name` is looked up regardless of case. */
  find<K extends Kind>(kind: K, index: Indices[K], key: string): readonly Objects[K][];
  /** Objects whose id starts with `prefix`, in the order of their ids, at most `limit`. */
  withIdPrefix<K extends Kind>(kind: K, prefix: string, limit?: number): readonly Objects[K][];
}

/** A transaction: reads see its own writes and those of transactions before it. */
export interface Transaction extends Reader {
  /**
   * Writes an object. Its `version` must be the stored one's (0 for a new object), else `outOfSequence`.
   * The store sets `version` to the transaction's revision, and `createdAt` and `updatedAt`.
   */
  put<K extends Kind>(kind: K, object: Objects[K]): void;
  /** Does nothing when there is no such object. */
  delete<K extends Kind>(kind: K, id: string): void;
}

export interface Change<K extends Kind = Kind> {
  readonly kind: K;
  readonly id: string;
  /** Absent when the object is new. */
  readonly before?: Objects[K];
  /** Absent when it was deleted. */
  readonly after?: Objects[K];
}

/** A change of any kind; `change.kind` tells the type checker which. */
export type AnyChange = { readonly [K in Kind]: Change<K> }[Kind];

/** What one transaction wrote; each object appears once, as it was before and after the whole transaction. */
export interface ChangeSet {
  readonly revision: number;
  readonly changes: readonly AnyChange[];
}

/**
 * The cluster's state: one revision counter, transactions, watches.
 * `docs/store.md` says how each call maps to etcd.
 */
export interface Store {
  /** What is durable now. */
  view(): Reader;
  /**
   * Runs `change` on the newest state and makes what it wrote durable, all or nothing; resolves with its result once
   * that is so. `change` is synchronous, throws to abort, and may be run again after a conflict: it must not touch
   * anything outside. A transaction that writes nothing takes no revision, and resolves once what it read is durable.
   *
   * Rejects with what `change` threw; with `unavailable` when it could not be made durable, together with every later
   * transaction that had already been run on top of it. Nothing of a rejected transaction is ever seen.
   */
  update<T>(change: (tx: Transaction) => T): Promise<T>;
  /**
   * Every durable change set after `revision`, in order, until `signal` aborts. Throws `HistoryGone` when the store no
   * longer has them (or never had: a revision from the future): list again, and watch from there.
   */
  watch(revision: number, signal: AbortSignal): AsyncIterable<ChangeSet>;
  /** Resolves once the store is past `revision`, or `signal` aborts; rejects when the store is closed before that. */
  changed(revision: number, signal: AbortSignal): Promise<void>;
  /**
   * Resolves when this process leads; the lease's signal aborts when it no longer does. With a single manager that is
   * at once and for good; with several (etcd) it is an election.
   */
  lead(signal: AbortSignal): Promise<Lease>;
  /** Refuses new transactions, makes those already run durable, ends leases, and lets go of the files. */
  close(): Promise<void>;
}

export interface Lease extends AsyncDisposable {
  readonly lost: AbortSignal;
}

export class HistoryGone extends Error {
  override readonly name = "HistoryGone";
}
