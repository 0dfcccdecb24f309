import type { Clock } from "@skep/model";

const firstMs = 100;
const longestMs = 5_000;

/** Growing waits between attempts, from 0.1 s to 5 s; a wait ends early with `signal` or a call of `hurry`. */
export class BackOff {
  readonly #clock: Clock;
  #attempts = 0;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt went well: the next wait is short again. */
  reset(): void {
    this.#attempts = 0;
  }

  /** Ends the wait that is going on. */
  hurry(): void {
    this.#wake?.();
  }

  async wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const delayMs = Math.min(firstMs * 2 ** this.#attempts++, longestMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const cancel = this.#clock.after(delayMs, wake);
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    await promise;
    cancel();
    signal.removeEventListener("abort", wake);
    this.#wake = undefined;
  }
}
