import type { Clock } from "@skep/model";

export interface BurstLimits {
  /** A burst is over when nothing was noted for so long, */
  readonly quietMs: number;
  /** and at the latest so long after its first note. */
  readonly atMostMs: number;
}

/** Turns many events that come close together into one occasion to work. */
export class Burst {
  private readonly clock: Clock;
  private readonly limits: BurstLimits;
  private firstMs: number | undefined;
  private cancelTimer: (() => void) | undefined;
  private isOver = false;
  private isClosed = false;
  private wake: (() => void) | undefined;

  constructor(clock: Clock, limits: BurstLimits) {
    this.clock = clock;
    this.limits = limits;
  }

  note(): void {
    if (this.isClosed) return;
    const now = this.clock.now();
    this.firstMs ??= now;
    this.cancelTimer?.();
    const waitMs = Math.min(this.limits.quietMs, this.firstMs + this.limits.atMostMs - now);
    this.cancelTimer = this.clock.after(waitMs, () => this.end());
  }

  /** Resolves when a burst is over, at once if one is already; each burst ends one wait. For one waiter at a time. */
  async over(): Promise<void> {
    if (!this.isOver && !this.isClosed) await new Promise<void>((resolve) => (this.wake = resolve));
    this.isOver = false;
  }

  /** Ends the wait and the timer; later notes count for nothing. */
  close(): void {
    this.isClosed = true;
    this.end();
  }

  private end(): void {
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    this.firstMs = undefined;
    this.isOver = true;
    this.wake?.();
  }
}
