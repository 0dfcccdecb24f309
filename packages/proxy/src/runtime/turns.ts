interface Turn<Wish, Outcome> {
  wish: Wish;
  readonly done: PromiseWithResolvers<Outcome>;
}

/**
 * One wish after the other; those that come while one is carried out become one, by `join`. Whoever has wished learns
 * of the outcome of the turn that carried it out.
 */
export class Turns<Wish, Outcome> {
  readonly #carryOut: (wish: Wish) => Promise<Outcome>;
  readonly #join: (earlier: Wish, later: Wish) => Wish;
  #next: Turn<Wish, Outcome> | undefined;
  #running: Promise<void> | undefined;

  constructor(carryOut: (wish: Wish) => Promise<Outcome>, join: (earlier: Wish, later: Wish) => Wish) {
    this.#carryOut = carryOut;
    this.#join = join;
  }

  wish(wish: Wish): Promise<Outcome> {
    if (this.#next) this.#next.wish = this.#join(this.#next.wish, wish);
    else this.#next = { wish, done: Promise.withResolvers() };
    const { promise } = this.#next.done;
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when nothing is waiting. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    await undefined; // what is wished in the same breath goes into the same turn
    for (let turn = this.#take(); turn; turn = this.#take()) {
      try {
        turn.done.resolve(await this.#carryOut(turn.wish));
      } catch (error) {
        turn.done.reject(error);
      }
    }
    this.#running = undefined;
  }

  #take(): Turn<Wish, Outcome> | undefined {
    const turn = this.#next;
    this.#next = undefined;
    return turn;
  }
}
