/** Ids by key. Most keys have one id (a slot's task), so a set is made for the second only. */
export class KeyIndex {
  private readonly byKey = new Map<string, string | Set<string>>();

  add(key: string, id: string): void {
    const held = this.byKey.get(key);
    if (held === undefined) this.byKey.set(key, id);
    else if (typeof held !== "string") held.add(id);
    else if (held !== id) this.byKey.set(key, new Set([held, id]));
  }

  remove(key: string, id: string): void {
    const held = this.byKey.get(key);
    if (held === id) this.byKey.delete(key);
    else if (held instanceof Set && held.delete(id) && held.size === 0) this.byKey.delete(key);
  }

  ids(key: string): Iterable<string> {
    const held = this.byKey.get(key);
    if (held === undefined) return [];
    return typeof held === "string" ? [held] : held;
  }
}
