/** Which sources have yet to tell of their services for the first time. */
export class Filled {
  readonly #awaited: Set<string>;
  readonly #done = Promise.withResolvers<void>();

  constructor(sources: readonly string[]) {
    this.#awaited = new Set(sources);
    if (this.#awaited.size === 0) this.#done.resolve();
  }

  /** The source has told, or will not. */
  tell(source: string): void {
    this.#awaited.delete(source);
    if (this.#awaited.size === 0) this.#done.resolve();
  }

  /** Resolves when all have. */
  get all(): Promise<void> {
    return this.#done.promise;
  }

  get isDone(): boolean {
    return this.#awaited.size === 0;
  }
}
