/**
 * Names in the config, each given once: two ACLs of one name would be one ACL. Services are asked in their order, so
 * the first keeps the usual name (`url_a123`, of service `a` on port 123) and the next one gets `url_a123.2` (`a1` on 23).
 */
export class Names {
  readonly #taken = new Map<string, Set<string>>();
  #recent: [Set<string>, string][] = [];

  /** `kind` separates what cannot clash: ACLs, backends, lists of users, servers of one section. */
  claim(kind: string, name: string): string {
    const taken = this.#takenOf(kind);
    let free = name;
    for (let i = 2; taken.has(free); i++) free = `${name}.${i}`;
    taken.add(free);
    this.#recent.push([taken, free]);
    return free;
  }

  isTaken(kind: string, name: string): boolean {
    return this.#takenOf(kind).has(name);
  }

  /** What was claimed stays so. */
  keep(): void {
    this.#recent = [];
  }

  /** What was claimed since names were last kept is free again. */
  drop(): void {
    for (const [taken, name] of this.#recent) taken.delete(name);
    this.#recent = [];
  }

  #takenOf(kind: string): Set<string> {
    const taken = this.#taken.get(kind) ?? new Set();
    this.#taken.set(kind, taken);
    return taken;
  }
}
