import type { WorkerStatistics } from "../runtime/worker-statistics.ts";
import { parseStat, rowKey, type StatField, type StatRow } from "./stat-rows.ts";

type Rows = ReadonlyMap<string, StatRow>;
type Values = Map<StatField, number>;

/** What a worker counts from its start on. */
const counters = new Set<StatField>([
  ...["stot", "bin", "bout", "dreq", "ereq", "econ", "eresp", "wretr", "wredis", "chkfail", "downtime"],
  ...["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other", "req_tot"],
]);
/** What is the sum of that of all workers at a time. */
const sums = new Set<StatField>(["scur", "qcur", "rate"]);
const maxima = new Set<StatField>(["smax", "qmax", "rate_max"]);

/**
 * Counters that go on over reloads. Each worker counts from nothing; old ones go on counting until they end. What a
 * worker counted between its last reading and its end is not known, so it pays to read often.
 */
export class StatTotals {
  /** Lines that could not be read, so far. */
  failures = 0;
  /** The last reading of each worker that runs. */
  #workers = new Map<number, Rows>();
  /** What workers that have ended, and servers that were removed, had counted. */
  readonly #ended = new Map<string, Values>();
  #rows: readonly StatRow[] = [];

  /** The rows of the newest worker, with the counters of all. Without a reading they stay as they were. */
  take(readings: readonly WorkerStatistics[]): readonly StatRow[] {
    const workers = new Map<number, Rows>();
    for (const { pid, csv } of readings) {
      const rows = csv === undefined ? this.#workers.get(pid) : this.#parse(csv);
      if (rows) workers.set(pid, rows);
    }
    const newest = workers.get(readings.find(({ old }) => !old)?.pid ?? 0);
    if (!newest) return this.#rows;
    for (const [pid, rows] of this.#workers) this.#end(rows, workers.get(pid));
    this.#workers = workers;
    this.#forget();
    this.#rows = [...newest].map(([key, row]) => this.#total(key, row));
    return this.#rows;
  }

  #parse(csv: string): Rows {
    const { rows, failures } = parseStat(csv);
    this.failures += failures;
    return new Map(rows.map((row) => [rowKey(row), row]));
  }

  /** Keeps what rows counted that are there no more, or that began anew. */
  #end(before: Rows, now: Rows | undefined): void {
    for (const [key, row] of before) {
      const later = now?.get(key);
      if (later && (later.values.get("stot") ?? 0) >= (row.values.get("stot") ?? 0)) continue;
      const ended = this.#ended.get(key) ?? new Map<StatField, number>();
      for (const [field, value] of row.values)
        if (counters.has(field)) ended.set(field, (ended.get(field) ?? 0) + value);
      this.#ended.set(key, ended);
    }
  }

  /** What no worker knows any more will not come back: a service or a task that was removed. */
  #forget(): void {
    for (const key of this.#ended.keys())
      if (![...this.#workers.values()].some((rows) => rows.has(key))) this.#ended.delete(key);
  }

  #total(key: string, newest: StatRow): StatRow {
    const values: Values = new Map(newest.values);
    const add = (more: ReadonlyMap<StatField, number>, isWorker: boolean) => {
      for (const [field, value] of more) {
        if (counters.has(field) || (isWorker && sums.has(field))) values.set(field, (values.get(field) ?? 0) + value);
        else if (isWorker && maxima.has(field)) values.set(field, Math.max(values.get(field) ?? 0, value));
      }
    };
    add(this.#ended.get(key) ?? new Map(), false);
    for (const rows of this.#workers.values()) {
      const row = rows.get(key);
      if (row && row !== newest) add(row.values, true);
    }
    return { ...newest, values };
  }
}
