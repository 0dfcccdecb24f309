import { DomainError } from "@skep/model";
import type { Rendered } from "../render/rendered.ts";
import { blamedServices, type CheckFailure, failureText } from "./alerts.ts";

/** A service, with what may be rendered for it. */
export interface Candidate<Version> {
  readonly serviceName: string;
  /** The best first: what is wanted, then what was good before. When none of them is, the service is left out. */
  readonly versions: readonly Version[];
  /** The first version is what runs already, so it is the last to be suspected. */
  readonly proven?: boolean;
}

export interface SettleOptions<Version> {
  readonly candidates: readonly Candidate<Version>[];
  readonly render: (versions: readonly Version[]) => Rendered;
  /** Why HAProxy would refuse it; undefined when it would not. */
  readonly check: (rendered: Rendered) => Promise<CheckFailure | undefined>;
}

export interface Settled<Version> {
  /** HAProxy takes it. */
  readonly rendered: Rendered;
  /** The version of each service that is in it. */
  readonly chosen: ReadonlyMap<string, Version>;
  /** Services whose first version is not in it, with HAProxy's own words; an older version may be. */
  readonly rejected: ReadonlyMap<string, string>;
  readonly checks: number;
}

/** No set of bad services needs more in practice; past it, whatever is not proven is left out. */
const mostChecks = 64;

/**
 * The most of what is wanted that HAProxy takes. Usually that is all, for one check. Else those whose lines HAProxy
 * complains about (it complains about all bad lines at once) take their next version or go; when it names no line,
 * the bad one is looked for by halves. Throws `invalid-parameter` when HAProxy refuses the config without any service.
 */
export async function settle<Version>(options: SettleOptions<Version>): Promise<Settled<Version>> {
  const attempt = new Attempt(options);
  for (;;) {
    const rendered = attempt.render();
    const failure = await attempt.check(rendered);
    if (!failure) return attempt.settled(rendered);
    if (!attempt.demoteBlamed(failure, rendered)) await attempt.demoteByHalves(failure);
  }
}

class Attempt<Version> {
  readonly #options: SettleOptions<Version>;
  /** The place of the version in use among those of each candidate. */
  readonly #levels: number[];
  readonly #rejected = new Map<string, string>();
  #checks = 0;
  #bareIsGood = false;

  constructor(options: SettleOptions<Version>) {
    this.#options = options;
    this.#levels = options.candidates.map(() => 0);
  }

  /** The config of the versions in use. */
  render(): Rendered {
    return this.#render(this.#levels);
  }

  check(rendered: Rendered): Promise<CheckFailure | undefined> {
    this.#checks++;
    return this.#options.check(rendered);
  }

  settled(rendered: Rendered): Settled<Version> {
    const chosen = this.#options.candidates.flatMap(({ serviceName, versions }, i) => {
      const version = versions[this.#levels[i] ?? 0];
      return version === undefined ? [] : [[serviceName, version] as const];
    });
    return { rendered, chosen: new Map(chosen), rejected: this.#rejected, checks: this.#checks };
  }

  /**
   * False when HAProxy's words fit nobody. Of several that an alert mentions, such as two of the same name, the one
   * that is not proven is at fault.
   */
  demoteBlamed({ alerts }: CheckFailure, rendered: Rendered): boolean {
    const places = new Map(this.#inUse().map((i) => [this.#options.candidates[i]?.serviceName, i]));
    const reasons = new Map<number, string[]>();
    for (const alert of alerts) {
      const named = blamedServices(alert, rendered).flatMap((name) => places.get(name) ?? []);
      const blamed = named.find((i) => !this.#isProven(i)) ?? named[0];
      if (blamed !== undefined) reasons.set(blamed, [...(reasons.get(blamed) ?? []), alert.message]);
    }
    for (const [i, messages] of reasons) this.#demote(i, messages.join("\n"));
    return reasons.size > 0;
  }

  /**
   * Finds one that is at fault, in about log2 checks: the suspects are put in a row, the least proven last, and the
   * shortest beginning of the row that fails ends with it.
   */
  async demoteByHalves(failure: CheckFailure): Promise<void> {
    const suspects = this.#suspects();
    await this.#checkBare(suspects, failure);
    if (this.#checks > mostChecks) {
      for (const i of suspects) if (!this.#isProven(i)) this.#demote(i, failureText(failure));
      return;
    }
    let fits = 0; // so many pass
    let fails = suspects.length;
    let reason = failure;
    while (fails - fits > 1) {
      const middle = (fits + fails) >> 1;
      const found = await this.#checkFirst(suspects, middle);
      if (found) [fails, reason] = [middle, found];
      else fits = middle;
    }
    const last = suspects[fails - 1];
    if (last !== undefined) this.#demote(last, failureText(reason));
  }

  /** Once: whether HAProxy takes the config without any service. */
  async #checkBare(suspects: readonly number[], failure: CheckFailure): Promise<void> {
    if (this.#bareIsGood) return;
    const bare = suspects.length === 0 ? failure : await this.#checkFirst(suspects, 0);
    if (bare) throw new DomainError("invalid-parameter", failureText(bare));
    this.#bareIsGood = true;
  }

  /** The least proven last. */
  #suspects(): number[] {
    const inUse = this.#inUse();
    return [...inUse.filter((i) => this.#isProven(i)), ...inUse.filter((i) => !this.#isProven(i))];
  }

  /** With only the first so many of the suspects. */
  #checkFirst(suspects: readonly number[], count: number): Promise<CheckFailure | undefined> {
    const left = new Set(suspects.slice(count));
    return this.check(this.#render(this.#levels.map((level, i) => (left.has(i) ? Number.POSITIVE_INFINITY : level))));
  }

  #render(levels: readonly number[]): Rendered {
    const { candidates, render } = this.#options;
    return render(candidates.flatMap(({ versions }, i) => versions[levels[i] ?? 0] ?? []));
  }

  #inUse(): number[] {
    return [...this.#levels.keys()].filter((i) => this.#versionsLeft(i) > 0);
  }

  #isProven(i: number): boolean {
    return this.#options.candidates[i]?.proven === true && this.#levels[i] === 0;
  }

  #versionsLeft(i: number): number {
    return (this.#options.candidates[i]?.versions.length ?? 0) - (this.#levels[i] ?? 0);
  }

  /** The first reason is the one for what is wanted. */
  #demote(i: number, reason: string): void {
    const name = this.#options.candidates[i]?.serviceName ?? "";
    if (!this.#rejected.has(name)) this.#rejected.set(name, reason);
    this.#levels[i] = (this.#levels[i] ?? 0) + 1;
  }
}
