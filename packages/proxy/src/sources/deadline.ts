import { type Clock, DomainError } from "@skep/model";

/** For `using`: its signal aborts with `signal`, or with an error that names `what` once `ms` are over. */
export class Deadline implements Disposable {
  readonly signal: AbortSignal;
  readonly #cancel: () => void;

  constructor(clock: Clock, ms: number, what: string, signal?: AbortSignal) {
    const over = new AbortController();
    this.signal = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    this.#cancel = clock.after(ms, () =>
      over.abort(new DomainError("unavailable", `${what}: no answer within ${ms / 1000} s`)),
    );
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}

/** As `promise`, but rejects with the signal's reason as soon as that aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
