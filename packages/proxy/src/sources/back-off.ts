import { type Clock, pause } from "@skep/model";

/** Waits between attempts, each twice as long as the one before, up to `longestMs`. */
export class BackOff {
  readonly #clock: Clock;
  readonly #firstMs: number;
  readonly #longestMs: number;
  #failures = 0;

  constructor(clock: Clock, firstMs: number, longestMs: number) {
    this.#clock = clock;
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** An attempt went well: the next wait is short again. */
  reset(): void {
    this.#failures = 0;
  }

  /** How long to wait before the next attempt; counts one more failure. */
  nextMs(): number {
    return Math.min(this.#longestMs, this.#firstMs * 2 ** Math.min(this.#failures++, 30));
  }

  wait(signal: AbortSignal): Promise<void> {
    return pause(this.#clock, this.nextMs(), signal);
  }
}
