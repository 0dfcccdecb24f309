import type { Clock } from "@skep/model";
import {
  controllerFamilies,
  type Rates,
  ratesOf,
  renderExposition,
  StatTotals,
  statFamilies,
} from "../metrics/index.ts";
import type { Driver } from "../runtime/index.ts";
import type { Controller } from "./controller.ts";

export interface StatisticsParts {
  readonly driver: Pick<Driver, "statistics" | "processes" | "counts" | "generation">;
  readonly controller: Pick<Controller, "states" | "problems">;
  /** When each certificate ends, ms since the epoch, by path. */
  readonly certificates: () => ReadonlyMap<string, number>;
  readonly version: string;
  readonly clock: Clock;
}

/** How often counters are read, so that little of what old workers count is missed. */
const readEveryMs = 30_000;

/** HAProxy's statistics, with counters that go on over reloads, and the controller's own. */
export class Statistics implements Disposable {
  readonly #parts: StatisticsParts;
  readonly #totals = new StatTotals();
  /** Of requests to change services, by what became of them. */
  readonly #changes = { applied: 0, rejected: 0, failed: 0 };
  #scrapes = 0;
  #readAtMs: number | undefined;
  #rates: readonly Rates[] = [];
  #cancel = (): void => {};

  constructor(parts: StatisticsParts) {
    this.#parts = parts;
    this.#readLater();
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  /** A request to change a service was answered with this status. */
  count(status: number): void {
    this.#changes[status < 400 ? "applied" : status < 500 ? "rejected" : "failed"]++;
  }

  /** As HAProxy has it, of the worker that takes requests. Throws when it does not answer. */
  async csv(): Promise<string> {
    const newest = (await this.#parts.driver.statistics()).find(({ old }) => !old);
    if (newest?.csv === undefined) throw new Error("haproxy does not answer");
    return newest.csv;
  }

  async prometheus(): Promise<string> {
    const { driver, controller, certificates, version } = this.#parts;
    this.#scrapes++;
    const [readings, processes] = await Promise.all([driver.statistics(), driver.processes()]);
    const states = [...controller.states().values()].map(({ state }) => state);
    const services = { live: 0, rejected: controller.problems.size, idle: 0, pending: 0 };
    for (const state of states) services[state]++;
    const seconds = [...certificates()].map(([path, ms]) => [path, Math.round(ms / 1000)] as const);
    const rows = this.#totals.take(readings);
    return renderExposition([
      ...controllerFamilies({
        up: readings.length > 0,
        scrapes: this.#scrapes,
        parseFailures: this.#totals.failures,
        version,
        driver: driver.counts,
        generation: driver.generation,
        processes,
        services,
        changes: this.#changes,
        certificates: new Map(seconds),
      }),
      ...statFamilies(rows),
    ]);
  }

  /** What each frontend, backend and server does per second, since the last look. */
  async summary(): Promise<{ readonly generation: number; readonly rates: readonly Rates[] }> {
    const [before, beforeMs] = [this.#totals.rows(), this.#readAtMs];
    const atMs = await this.#read();
    const passedMs = atMs - (beforeMs ?? atMs);
    if (passedMs > 0) this.#rates = ratesOf(before, this.#totals.rows(), passedMs / 1000);
    return { generation: this.#parts.driver.generation, rates: this.#rates };
  }

  /** When, by the clock. */
  async #read(): Promise<number> {
    this.#totals.keep(await this.#parts.driver.statistics());
    this.#readAtMs = this.#parts.clock.now();
    return this.#readAtMs;
  }

  #readLater(): void {
    this.#cancel = this.#parts.clock.after(readEveryMs, () => {
      this.#readLater();
      void this.#read().catch(() => {}); // HAProxy is away; the next look is soon
    });
  }
}
