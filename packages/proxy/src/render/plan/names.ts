/** That somebody asked for a name, and which one it was given. */
export interface Claim {
  readonly kind: string;
  readonly wanted: string;
  readonly given: string;
}

/**
 * Names in the config, each given once: two ACLs of one name would be one ACL. Services are asked in their order, so
 * the first keeps the usual name (`url_a123`, of service `a` on port 123) and the next one gets `url_a123.2` (`a1` on 23).
 */
export class Names {
  readonly #taken = new Map<string, Set<string>>();
  #recent: Claim[] = [];

  /** `kind` separates what cannot clash: ACLs, backends, lists of users, servers of one section. */
  claim(kind: string, wanted: string): string {
    const taken = this.#takenOf(kind);
    let given = wanted;
    for (let i = 2; taken.has(given); i++) given = `${wanted}.${i}`;
    taken.add(given);
    this.#recent.push({ kind, wanted, given });
    return given;
  }

  /** Makes the same claims, if each is given the same name; else none of them, and answers false. */
  claimAgain(claims: readonly Claim[]): boolean {
    const isSame = claims.every(({ kind, wanted, given }) => this.claim(kind, wanted) === given);
    if (!isSame) this.drop();
    return isSame;
  }

  /** What was claimed since names were last kept. */
  get recent(): readonly Claim[] {
    return this.#recent;
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
    for (const { kind, given } of this.#recent) this.#takenOf(kind).delete(given);
    this.#recent = [];
  }

  #takenOf(kind: string): Set<string> {
    const taken = this.#taken.get(kind) ?? new Set();
    this.#taken.set(kind, taken);
    return taken;
  }
}
