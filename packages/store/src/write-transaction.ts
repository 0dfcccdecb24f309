import { type Kind, type Objects, outOfSequence } from "@skep/model";
import { kinds } from "./index-keys.ts";
import type { OverlayEntry } from "./overlay.ts";
import type { Overlays } from "./overlays.ts";
import type { AnyChange, Change, Indices, Transaction } from "./store.ts";

/** What an id held when the transaction first wrote to it. */
interface Touched<K extends Kind> {
  readonly before: Objects[K] | undefined;
  readonly entry: OverlayEntry<K> | undefined;
}

type TouchedOf = { readonly [K in Kind]: Map<string, Touched<K>> };

/** Writes straight into the newest state, and remembers how to take everything back. */
export class WriteTransaction implements Transaction {
  readonly revision: number;
  private readonly newest: Overlays;
  private readonly now: () => string;
  private readonly touched: TouchedOf = {
    cluster: new Map(),
    node: new Map(),
    service: new Map(),
    task: new Map(),
    network: new Map(),
    address: new Map(),
    secret: new Map(),
    config: new Map(),
  };
  private open = true;

  /** `now` gives the RFC 3339 time for everything written. */
  constructor(revision: number, newest: Overlays, now: () => string) {
    this.revision = revision;
    this.newest = newest;
    this.now = now;
  }

  get<K extends Kind>(kind: K, id: string): Objects[K] | undefined {
    return this.overlay(kind).get(id);
  }

  all<K extends Kind>(kind: K): Iterable<Objects[K]> {
    return this.overlay(kind).all();
  }

  count(kind: Kind): number {
    return this.overlay(kind).size;
  }

  find<K extends Kind>(kind: K, index: Indices[K], key: string): readonly Objects[K][] {
    return this.overlay(kind).find(index, key);
  }

  withIdPrefix<K extends Kind>(kind: K, prefix: string, limit?: number): readonly Objects[K][] {
    return this.overlay(kind).withIdPrefix(prefix, limit);
  }

  put<K extends Kind>(kind: K, object: Objects[K]): void {
    const stored = this.overlay(kind).get(object.id);
    if (object.version !== (stored?.version ?? 0)) throw outOfSequence();
    const updatedAt = this.now();
    const createdAt = stored?.createdAt ?? updatedAt;
    this.write(kind, object.id, { ...object, version: this.revision, createdAt, updatedAt });
  }

  delete<K extends Kind>(kind: K, id: string): void {
    if (this.overlay(kind).get(id)) this.write(kind, id, undefined);
  }

  /** What was written, in no particular order. */
  changes(): AnyChange[] {
    return kinds.flatMap((kind) => this.changesOf(kind) as AnyChange[]);
  }

  /** Takes back everything that was written. */
  rollBack(): void {
    for (const kind of kinds) this.rollBackKind(kind);
  }

  /** From here on every use is an error: the function that was given the transaction has returned. */
  end(): void {
    this.open = false;
  }

  private overlay<K extends Kind>(kind: K) {
    if (!this.open) throw new Error("a transaction was used after its function had returned");
    return this.newest.of(kind);
  }

  private write<K extends Kind>(kind: K, id: string, object: Objects[K] | undefined): void {
    const overlay = this.overlay(kind);
    const touched = this.touched[kind];
    if (!touched.has(id)) touched.set(id, { before: overlay.get(id), entry: overlay.entry(id) });
    overlay.set(id, { revision: this.revision, object });
  }

  private changesOf<K extends Kind>(kind: K): Change<K>[] {
    const changes: Change<K>[] = [];
    for (const [id, { before }] of this.touched[kind]) {
      const after = this.newest.of(kind).get(id);
      if (before || after) changes.push({ kind, id, ...(before && { before }), ...(after && { after }) });
    }
    return changes;
  }

  private rollBackKind<K extends Kind>(kind: K): void {
    for (const [id, { entry }] of this.touched[kind]) this.newest.of(kind).set(id, entry);
  }
}
