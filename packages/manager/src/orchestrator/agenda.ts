import type { Clock, ServiceId } from "@skep/model";
import { WakeQueue } from "./wake-queue.ts";

/** A service to look at: some of its slots, or the whole of it. */
export interface Due {
  readonly serviceId: ServiceId;
  readonly slots: ReadonlySet<string> | "all";
}

/** What has to be looked at, now and later. */
export class Agenda {
  private readonly clock: Clock;
  private readonly due = new Map<ServiceId, Set<string> | "all">();
  private readonly later = new WakeQueue<{ readonly serviceId: ServiceId; readonly slot: string | "all" }>();
  private notify: () => void = () => {};

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A slot, or without `slot` the whole service, is to be looked at now. */
  mark(serviceId: ServiceId, slot: string | "all" = "all"): void {
    const marked = this.due.get(serviceId);
    if (slot === "all") this.due.set(serviceId, "all");
    else if (marked === undefined) this.due.set(serviceId, new Set([slot]));
    else if (marked !== "all") marked.add(slot);
    this.notify();
  }

  /** The same at a time to come; another time for the same replaces the one before, and `undefined` forgets it. */
  remind(serviceId: ServiceId, slot: string | "all", at: number | undefined): void {
    this.later.set(`${serviceId}/${slot}`, { serviceId, slot }, at);
    this.notify();
  }

  /** Takes the services that are due. */
  take(): Due[] {
    for (const { serviceId, slot } of this.later.take(this.clock.now())) this.mark(serviceId, slot);
    const taken = [...this.due].map(([serviceId, slots]) => ({ serviceId, slots }));
    this.due.clear();
    return taken;
  }

  /** Resolves once something is due, or `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.due.size === 0) {
      const next = this.later.next();
      if (next !== undefined && next <= this.clock.now()) return;
      await this.changed(next, signal);
    }
  }

  private changed(untilMs: number | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let cancelTimer = () => {};
      const done = () => {
        cancelTimer();
        signal.removeEventListener("abort", done);
        this.notify = () => {};
        resolve();
      };
      if (untilMs !== undefined) cancelTimer = this.clock.after(untilMs - this.clock.now(), done);
      signal.addEventListener("abort", done, { once: true });
      this.notify = done;
    });
  }
}
