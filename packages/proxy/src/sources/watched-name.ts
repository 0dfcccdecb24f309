/** After a hurry, when to look: at once and at these times after it. A new task is known to DNS within a second or so. */
const hurryStepsMs = [0, 200, 500, 1000, 2000];
const hurryLastsMs = 2000;

/** One service's name among those that are looked up again and again: when its turn is, and what was learnt. */
export class WatchedName {
  readonly service: string;
  /** Undefined as long as nothing was learnt. */
  addresses: readonly string[] | undefined;
  /** When the last task of those that were known went. */
  emptySinceMs: number | undefined;
  /** When to look it up; never while that is going on. */
  dueMs: number;
  /** Not to wait for the budget. */
  isUrgent = true;
  #isBusy = false;
  #stepsMs: readonly number[] = [];
  #hurriedMs = Number.NEGATIVE_INFINITY;

  constructor(service: string, nowMs: number) {
    this.service = service;
    this.dueMs = nowMs;
  }

  /** Urgent, unless that was said within the last two seconds: then there are only more looks to come. */
  hurry(nowMs: number): void {
    const again = nowMs - this.#hurriedMs < hurryLastsMs;
    if (!again) this.#hurriedMs = nowMs;
    this.isUrgent ||= !again;
    this.#stepsMs = hurryStepsMs.slice(again ? 1 : 0).map((stepMs) => nowMs + stepMs);
    if (!this.#isBusy) this.dueMs = Math.min(this.dueMs, ...this.#stepsMs);
  }

  /** There are more looks to come at their own times. */
  get isHurried(): boolean {
    return this.#stepsMs.length > 0;
  }

  started(): void {
    this.#isBusy = true;
    this.isUrgent = false;
    this.dueMs = Number.POSITIVE_INFINITY;
  }

  /** A look-up has ended; its turn comes again at `dueMs`, or at its next step. */
  ended(startedMs: number, dueMs: number): void {
    this.#isBusy = false;
    this.#stepsMs = this.#stepsMs.filter((stepMs) => stepMs > startedMs);
    this.dueMs = Math.min(dueMs, ...this.#stepsMs);
  }

  /** The clock was put back: all times are earlier by as much. */
  putBack(backMs: number): void {
    this.dueMs -= backMs;
    this.#hurriedMs -= backMs;
    this.#stepsMs = this.#stepsMs.map((stepMs) => stepMs - backMs);
  }

  /** Urgent ones that are due come before all others, else whoever was due first. */
  goesBefore(other: WatchedName, nowMs: number): boolean {
    const mine = this.isUrgent && this.dueMs <= nowMs;
    const theirs = other.isUrgent && other.dueMs <= nowMs;
    return mine === theirs ? this.dueMs < other.dueMs : mine;
  }
}
