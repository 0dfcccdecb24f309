/**
 * Names in the config, each given once: two ACLs of one name would be one ACL. Services are asked in their order, so
 * the first keeps the usual name (`url_a123`, of service `a` on port 123) and the next one gets `url_a123.2` (`a1` on 23).
 */
export class Names {
  readonly #taken: Set<string>;
  readonly #mine = new Set<string>();

  constructor(taken: Set<string> = new Set()) {
    this.#taken = taken;
  }

  /** `kind` separates what cannot clash: ACLs of different sections, backends, lists of users. */
  claim(kind: string, name: string): string {
    for (let i = 1; ; i++) {
      const free = i === 1 ? name : `${name}.${i}`;
      const key = `${kind} ${free}`;
      if (this.#taken.has(key) || this.#mine.has(key)) continue;
      this.#mine.add(key);
      return free;
    }
  }

  isTaken(kind: string, name: string): boolean {
    const key = `${kind} ${name}`;
    return this.#taken.has(key) || this.#mine.has(key);
  }

  /** Names for one service; they count for others once kept. */
  draft(): Names {
    return new Names(this.#taken);
  }

  keep(): void {
    for (const key of this.#mine) this.#taken.add(key);
  }
}
