/** Wakes all who wait for its next beat; they look for themselves whether it is what they wait for. */
export class Pulse {
  #next = Promise.withResolvers<void>();

  beat(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<void>();
    resolve();
  }

  /** Rejects with the signal's reason when it aborts first. */
  async next(signal?: AbortSignal): Promise<void> {
    const { promise } = this.#next;
    if (!signal) return promise;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}
