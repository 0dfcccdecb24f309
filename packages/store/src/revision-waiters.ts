interface Waiter {
  readonly revision: number;
  resolve(): void;
  reject(reason: unknown): void;
}

/** Those who wait for the store to pass a revision. */
export class RevisionWaiters {
  private readonly waiters = new Set<Waiter>();

  /** Resolves once `advance` was told of a revision past this one, or `signal` aborts. */
  wait(revision: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settled = () => {
        this.waiters.delete(waiter);
        signal.removeEventListener("abort", waiter.resolve);
      };
      const waiter: Waiter = {
        revision,
        resolve: () => {
          settled();
          resolve();
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      this.waiters.add(waiter);
      signal.addEventListener("abort", waiter.resolve);
    });
  }

  advance(revision: number): void {
    for (const waiter of this.waiters) if (revision > waiter.revision) waiter.resolve();
  }

  rejectAll(reason: unknown): void {
    for (const waiter of this.waiters) waiter.reject(reason);
  }
}
