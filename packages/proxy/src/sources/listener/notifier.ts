import { type Clock, Limiter, type Logger } from "@skep/model";
import { Delivery, type Notice } from "./delivery.ts";
import type { ListenerMetrics } from "./listener-metrics.ts";
import type { Endpoint } from "./listener-settings.ts";

export interface NotifierOptions {
  readonly kind: "service" | "node";
  readonly endpoints: readonly Endpoint[];
  readonly retries: number;
  readonly retryIntervalMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ListenerMetrics;
}

/** A service or node that exists: the queries to tell of it with. */
export interface Subject {
  /** Undefined as long as nothing new is to be told of it. */
  readonly create: string | undefined;
  readonly remove: string;
}

/** Calls to one host at the same time; the proxy there applies them in batches. */
const mostCalls = 50;

interface Told {
  notice: Notice;
  removeQuery: string;
  readonly deliveries: readonly Delivery[];
}

/**
 * Keeps targets informed of what exists: given the whole of it again and again, it tells each what it has not been told yet. So
 * nothing is lost by a missed event, and what no longer exists is told of once more as removed.
 */
export class Notifier implements Disposable {
  readonly #options: NotifierOptions;
  readonly #limiters: ReadonlyMap<Endpoint, Limiter>;
  readonly #told = new Map<string, Told>();

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#limiters = new Map(options.endpoints.map((endpoint) => [endpoint, new Limiter(mostCalls)]));
  }

  /** Everything that exists now, by the name that the targets know it by. */
  reconcile(existing: ReadonlyMap<string, Subject>): void {
    for (const [name, { create, remove }] of existing) {
      if (create !== undefined) this.#tell(name, { action: "create", query: create }, remove);
    }
    for (const [name, { notice, removeQuery }] of this.#told) {
      const isGone = !existing.has(name) && notice.action === "create";
      if (isGone) this.#tell(name, { action: "remove", query: removeQuery }, removeQuery);
    }
  }

  /** Tells that something is not there, though nobody was told of it: a target may know it from an earlier life of ours. */
  remove(name: string, query: string): void {
    this.#tell(name, { action: "remove", query }, query);
  }

  /** Tells once more of what exists: of everything, or of these names. */
  resend(names?: ReadonlySet<string>): void {
    for (const [name, told] of this.#told) {
      if (told.notice.action === "create" && (names?.has(name) ?? true)) this.#send(name, told);
    }
  }

  [Symbol.dispose](): void {
    for (const { deliveries } of this.#told.values()) for (const delivery of deliveries) delivery.cancel();
    this.#told.clear();
  }

  #tell(name: string, notice: Notice, removeQuery: string): void {
    const told = this.#told.get(name);
    if (told) told.removeQuery = removeQuery;
    if (told?.notice.action === notice.action && told.notice.query === notice.query) return;
    if (told) told.notice = notice;
    const now = told ?? { notice, removeQuery, deliveries: this.#newDeliveries() };
    this.#told.set(name, now);
    this.#send(name, now);
  }

  /** What was removed everywhere is forgotten. */
  #send(name: string, told: Told): void {
    const { notice } = told;
    void Promise.all(told.deliveries.map((delivery) => delivery.deliver(notice))).then((delivered) => {
      const isDone = notice.action === "remove" && delivered.every(Boolean);
      if (isDone && told.notice === notice) this.#told.delete(name);
    });
  }

  #newDeliveries(): readonly Delivery[] {
    return [...this.#limiters].map(([endpoint, limiter]) => new Delivery({ ...this.#options, endpoint, limiter }));
  }
}
