/** Time as an argument: the daemon passes `systemClock`, tests a fake one. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(delayMs, end);
    signal.addEventListener("abort", end);
  });
}

/** RFC 3339 in UTC, as every time in the Engine API. */
export const timestamp = (nowMs: number): string => new Date(nowMs).toISOString();

/** Durations are whole nanoseconds in specs, milliseconds inside skep. */
export const millisecondsOf = (nanoseconds: number): number => nanoseconds / 1e6;
export const nanosecondsOf = (milliseconds: number): number => Math.round(milliseconds * 1e6);
