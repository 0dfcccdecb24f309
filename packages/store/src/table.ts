import type { Kind, Objects } from "@skep/model";
import { indexKeys, type KeyOf, lookupKey } from "./index-keys.ts";
import { KeyIndex } from "./key-index.ts";
import { SortedIds } from "./sorted-ids.ts";
import type { Indices } from "./store.ts";

interface Index<K extends Kind> {
  readonly keyOf: KeyOf<K>;
  readonly entries: KeyIndex;
}

/** The objects of one kind, with their indices. */
export class Table<K extends Kind> {
  private readonly objects = new Map<string, Objects[K]>();
  private readonly indices: ReadonlyMap<string, Index<K>>;
  private readonly sortedIds = new SortedIds();

  constructor(kind: K) {
    const keys = Object.entries<KeyOf<K>>(indexKeys[kind]);
    this.indices = new Map(keys.map(([name, keyOf]) => [name, { keyOf, entries: new KeyIndex() }]));
  }

  get size(): number {
    return this.objects.size;
  }

  get(id: string): Objects[K] | undefined {
    return this.objects.get(id);
  }

  /** Can be iterated over more than once. */
  all(): Iterable<Objects[K]> {
    return { [Symbol.iterator]: () => this.objects.values() };
  }

  find(index: Indices[K], key: string): Objects[K][] {
    const found: Objects[K][] = [];
    for (const id of this.index(index).entries.ids(lookupKey(index, key))) {
      const object = this.objects.get(id);
      if (object) found.push(object);
    }
    return found;
  }

  *withIdPrefix(prefix: string): Generator<Objects[K]> {
    for (const id of this.sortedIds.withPrefix(prefix, () => this.objects.keys())) {
      const object = this.objects.get(id);
      if (object) yield object;
    }
  }

  /** Replaces the object with this id; undefined removes it. */
  set(id: string, object: Objects[K] | undefined): void {
    const before = this.objects.get(id);
    if (object) this.objects.set(id, object);
    else this.objects.delete(id);
    if (object && !before) this.sortedIds.add(id);
    if (before && !object) this.sortedIds.remove(id);
    for (const { keyOf, entries } of this.indices.values()) {
      const oldKey = before && keyOf(before);
      const newKey = object && keyOf(object);
      if (oldKey === newKey) continue;
      if (oldKey !== undefined) entries.remove(oldKey, id);
      if (newKey !== undefined) entries.add(newKey, id);
    }
  }

  private index(name: string): Index<K> {
    const index = this.indices.get(name);
    if (!index) throw new Error(`no such index: ${name}`);
    return index;
  }
}
