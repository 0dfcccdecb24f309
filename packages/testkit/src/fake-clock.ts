import type { Clock } from "@skep/model";

interface Timer {
  readonly dueMs: number;
  /** Timers due at the same time run in the order in which they were set. */
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  private nowMs: number;
  private nextOrder = 0;
  private readonly timers = new Set<Timer>();

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.nowMs = startMs;
  }

  now(): number {
    return this.nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.nowMs + Math.max(delayMs, 0), order: this.nextOrder++, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** How many timers are set; 0 shows that whatever was tested has cleared its own. */
  get pending(): number {
    return this.timers.size;
  }

  /** Milliseconds until the next timer is due; undefined when none is set. */
  get nextInMs(): number | undefined {
    const next = this.next(Number.POSITIVE_INFINITY);
    return next && next.dueMs - this.nowMs;
  }

  /** Moves the time on, running each timer that falls due at its own time, also those set meanwhile. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let timer = this.next(untilMs); timer; timer = this.next(untilMs)) this.fire(timer);
    this.nowMs = untilMs;
  }

  /** `advance` for asynchronous code: promises settle before the first timer, after each, and at the end. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await settle();
    for (let timer = this.next(untilMs); timer; timer = this.next(untilMs)) {
      this.fire(timer);
      await settle();
    }
    this.nowMs = untilMs;
    await settle();
  }

  private next(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) {
      if (timer.dueMs > untilMs) continue;
      if (!first || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order))
        first = timer;
    }
    return first;
  }

  private fire(timer: Timer): void {
    this.timers.delete(timer);
    this.nowMs = timer.dueMs;
    timer.callback();
  }
}

/** Resolves when every promise that can settle without I/O or real time has done so. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
