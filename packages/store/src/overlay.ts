import type { Kind, Objects } from "@skep/model";
import type { Indices } from "./store.ts";
import { Table } from "./table.ts";

/** What the overlay holds for one id: the object as last written, absent when it was deleted. */
export interface OverlayEntry<K extends Kind> {
  readonly revision: number;
  readonly object: Objects[K] | undefined;
}

/** Writes of one kind that are not durable yet, seen as if they were: reads look here first, then in the table below. */
export class Overlay<K extends Kind> {
  private readonly base: Table<K>;
  private readonly written: Table<K>;
  /** The revision of the last write to each id, deletions included. */
  private readonly revisions = new Map<string, number>();

  constructor(kind: K, base: Table<K>) {
    this.base = base;
    this.written = new Table(kind);
  }

  get size(): number {
    let size = this.base.size + this.written.size;
    for (const id of this.revisions.keys()) if (this.base.get(id)) size--;
    return size;
  }

  get(id: string): Objects[K] | undefined {
    return this.revisions.has(id) ? this.written.get(id) : this.base.get(id);
  }

  /** As of the call: what is written while iterating does not show. */
  all(): Iterable<Objects[K]> {
    if (this.revisions.size === 0) return this.base.all();
    return [...this.untouched(this.base.all()), ...this.written.all()];
  }

  find(index: Indices[K], key: string): readonly Objects[K][] {
    const below = this.base.find(index, key);
    if (this.revisions.size === 0) return below;
    return [...this.untouched(below), ...this.written.find(index, key)];
  }

  withIdPrefix(prefix: string, limit = Number.POSITIVE_INFINITY): readonly Objects[K][] {
    const below = this.untouched(this.base.withIdPrefix(prefix)).take(limit);
    const found = [...below, ...this.written.withIdPrefix(prefix).take(limit)];
    return found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  entry(id: string): OverlayEntry<K> | undefined {
    const revision = this.revisions.get(id);
    return revision === undefined ? undefined : { revision, object: this.written.get(id) };
  }

  /** Sets what is held for `id`; an undefined entry lets the table below show through. */
  set(id: string, entry: OverlayEntry<K> | undefined): void {
    this.written.set(id, entry?.object);
    if (entry) this.revisions.set(id, entry.revision);
    else this.revisions.delete(id);
  }

  /** Forgets the write of `revision` to `id`, now that the table below has it; a later write stays. */
  settle(id: string, revision: number): void {
    if (this.revisions.get(id) === revision) this.set(id, undefined);
  }

  clear(): void {
    for (const id of [...this.revisions.keys()]) this.set(id, undefined);
  }

  private *untouched(objects: Iterable<Objects[K]>): Generator<Objects[K]> {
    for (const object of objects) if (!this.revisions.has(object.id)) yield object;
  }
}
