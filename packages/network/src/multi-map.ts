/** Sets by key; a key without members is not there. */
export class MultiMap<K, V> {
  private readonly sets = new Map<K, Set<V>>();

  add(key: K, value: V): void {
    const set = this.sets.get(key);
    if (set) set.add(value);
    else this.sets.set(key, new Set([value]));
  }

  delete(key: K, value: V): void {
    const set = this.sets.get(key);
    if (set?.delete(value) && set.size === 0) this.sets.delete(key);
  }

  get(key: K): ReadonlySet<V> {
    return this.sets.get(key) ?? none;
  }

  has(key: K): boolean {
    return this.sets.has(key);
  }

  keys(): Iterable<K> {
    return this.sets.keys();
  }
}

const none: ReadonlySet<never> = new Set();
