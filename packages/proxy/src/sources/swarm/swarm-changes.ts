import { type Clock, type Logger, pause } from "@skep/model";
import { BackOff } from "../back-off.ts";
import { Complaint } from "../complaint.ts";
import type { SwarmClient } from "./swarm-client.ts";

/** What may have changed since the last look: the objects with these ids, or anything. */
export type Changed = "everything" | ReadonlySet<string>;

export interface SwarmChangesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Everything is compared this often, whatever the events say; 30 s when not given. */
  readonly comparisonMs?: number;
  /** The shortest time between two looks, so that a burst of changes is one; 20 ms when not given. */
  readonly burstMs?: number;
  /** False to go by comparisons only. */
  readonly events?: boolean;
}

/** Gathers what the swarm's events name until somebody asks: an event is only a hint where to look. */
export class SwarmChanges {
  readonly #client: SwarmClient;
  readonly #type: "service" | "node";
  readonly #options: Required<SwarmChangesOptions>;
  #changed: Set<string> | "everything" = "everything";
  #wake: () => void = () => {};
  #lookedMs = Number.NEGATIVE_INFINITY;
  #comparedMs = Number.NEGATIVE_INFINITY;

  constructor(client: SwarmClient, type: "service" | "node", options: SwarmChangesOptions) {
    this.#client = client;
    this.#type = type;
    this.#options = { comparisonMs: 30_000, burstMs: 20, events: true, ...options };
  }

  /** Follows the events until `signal` aborts; what happened while there was no stream is found by comparing everything. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, events } = this.#options;
    if (!events) return;
    const complaint = new Complaint(log, `no events of ${this.#type}s`);
    const backOff = new BackOff(clock, 250, 10_000);
    const opened = () => {
      complaint.cured();
      backOff.reset();
      this.mark("everything");
    };
    while (!signal.aborted) {
      try {
        for await (const { Actor } of this.#client.events({ type: [this.#type] }, signal, opened)) this.mark(Actor.ID);
      } catch (error) {
        if (!signal.aborted) complaint.tell(error);
      }
      await backOff.wait(signal);
    }
  }

  mark(id: string): void {
    if (id === "everything") this.#changed = "everything";
    else if (this.#changed !== "everything") this.#changed.add(id);
    this.#wake();
  }

  /** Resolves with what may have changed since the last call: at once if something has, and not more often than bursts allow. */
  async next(signal: AbortSignal): Promise<Changed> {
    const { clock, burstMs } = this.#options;
    await this.#somethingMarked(signal);
    const restMs = this.#lookedMs + burstMs - clock.now();
    if (restMs > 0) await pause(clock, Math.min(restMs, burstMs), signal);
    const changed = this.#changed;
    this.#changed = new Set();
    this.#lookedMs = clock.now();
    if (changed === "everything") this.#comparedMs = this.#lookedMs;
    return changed;
  }

  async #somethingMarked(signal: AbortSignal): Promise<void> {
    if (this.#changed === "everything" || this.#changed.size > 0 || signal.aborted) return;
    const { clock, comparisonMs } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => resolve();
    const restMs = this.#comparedMs + comparisonMs - clock.now();
    const cancel = clock.after(Math.min(restMs, comparisonMs), () => this.mark("everything"));
    signal.addEventListener("abort", this.#wake);
    await promise;
    cancel();
    signal.removeEventListener("abort", this.#wake);
  }
}
