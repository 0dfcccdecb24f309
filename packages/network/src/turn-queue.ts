/** A change of the state that can be carried out together with others. */
export interface Change<Outcome> {
  /** Changes the state; throws when it is refused. */
  readonly apply: () => void;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: unknown) => void;
}

/** Something that has to be alone. */
type Alone = () => Promise<void>;

/**
 * One thing after the other, in the order asked for; changes that gather while something is carried out are carried
 * out as one. A bound keeps the first of many from having to wait for the last.
 */
export class TurnQueue<Outcome> {
  readonly #carryOut: () => Promise<Outcome>;
  readonly #most: number;
  readonly #waiting: (Change<Outcome> | Alone)[] = [];
  #running: Promise<void> | undefined;

  /** `carryOut` brings the world after the state that changes have been applied to. */
  constructor(carryOut: () => Promise<Outcome>, most: number) {
    this.#carryOut = carryOut;
    this.#most = most;
  }

  /** Resolves when it has been carried out. */
  change(apply: () => void): Promise<Outcome> {
    return new Promise((resolve, reject) => this.#push({ apply, settle: resolve, fail: reject }));
  }

  /** Runs `work` while nothing else goes on. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => this.#push(() => work().then(resolve, reject)));
  }

  /** Resolves when nothing is waiting. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  #push(entry: Change<Outcome> | Alone): void {
    this.#waiting.push(entry);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    await undefined; // what is asked for in the same breath goes into the same turn
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (typeof first === "function") {
        this.#waiting.shift();
        await first();
      } else await this.#turn();
    }
    this.#running = undefined;
  }

  async #turn(): Promise<void> {
    const applied: Change<Outcome>[] = [];
    for (let next = this.#waiting[0]; next && typeof next !== "function"; next = this.#waiting[0]) {
      if (applied.length === this.#most) break;
      this.#waiting.shift();
      try {
        next.apply();
        applied.push(next);
      } catch (error) {
        next.fail(error);
      }
    }
    try {
      const outcome = await this.#carryOut();
      for (const { settle } of applied) settle(outcome);
    } catch (error) {
      for (const { fail } of applied) fail(error);
    }
  }
}
