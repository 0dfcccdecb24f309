import type { Clock, NodeId } from "@skep/model";

/** A node that was not heard of for this many heartbeat periods is down. */
export const missedPeriods = 3;
/** Twice that after the manager itself was away: the nodes have to find it first. */
export const gracePeriods = 2 * missedPeriods;

interface LivenessOptions {
  readonly clock: Clock;
  readonly periodMs: number;
  /** A node was silent for too long. It is no longer waited for. */
  readonly onSilent: (nodeId: NodeId) => void;
  /** This process itself was not running for that long, and so gave every node a fresh start. */
  readonly onStall: (stalledMs: number) => void;
}

interface Expectation {
  sinceMs: number;
  periods: number;
}

/**
 * Watches for nodes that fall silent. Looks four times a period, so that it also notices when it was itself too late:
 * then the heartbeats wait unread in their sockets, and silence proves nothing about the nodes (a suspended or
 * overloaded manager must not declare the whole swarm down).
 */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #expected = new Map<NodeId, Expectation>();
  #periodMs: number;
  #nextLookMs = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#periodMs = options.periodMs;
  }

  /** Begins to look; until `close`. */
  start(): void {
    this.#schedule();
  }

  get periodMs(): number {
    return this.#periodMs;
  }

  /** Everybody is given the new period from now on. */
  setPeriod(periodMs: number): void {
    this.#periodMs = periodMs;
    this.#refresh();
    if (!this.#cancelTimer) return;
    this.#cancelTimer();
    this.#schedule();
  }

  /** The node was heard of, or shall be waited for from now on. */
  expect(nodeId: NodeId, periods: number = missedPeriods): void {
    const expectation = this.#expected.get(nodeId);
    if (!expectation) {
      this.#expected.set(nodeId, { sinceMs: this.#options.clock.now(), periods });
      return;
    }
    expectation.sinceMs = this.#options.clock.now();
    expectation.periods = periods;
  }

  forget(nodeId: NodeId): void {
    this.#expected.delete(nodeId);
  }

  close(): void {
    this.#cancelTimer?.();
    this.#expected.clear();
  }

  #schedule(): void {
    const lookMs = this.#periodMs / 4;
    this.#nextLookMs = this.#options.clock.now() + lookMs;
    this.#cancelTimer = this.#options.clock.after(lookMs, () => {
      this.#look();
      this.#schedule();
    });
  }

  #look(): void {
    const lateMs = this.#options.clock.now() - this.#nextLookMs;
    // Set back, the clock says nothing about elapsed time either.
    if (Math.abs(lateMs) > this.#periodMs / 2) {
      this.#refresh();
      this.#options.onStall(lateMs);
      return;
    }
    for (const [nodeId, { sinceMs, periods }] of this.#expected) {
      if (this.#options.clock.now() - sinceMs < periods * this.#periodMs) continue;
      this.#expected.delete(nodeId);
      this.#options.onSilent(nodeId);
    }
  }

  #refresh(): void {
    const nowMs = this.#options.clock.now();
    for (const expectation of this.#expected.values()) expectation.sinceMs = nowMs;
  }
}
