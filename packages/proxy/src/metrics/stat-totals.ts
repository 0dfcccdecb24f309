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

/** What a worker has counted: as it said it last, and as that was last read. */
interface Worker {
  unread: string | undefined;
  rows: Rows;
}

/**
 * Counters that go on over reloads. Each worker counts from nothing; old ones go on counting until they end. What a
 * worker counted between its last reading and its end is not known, so it pays to read often. Keeping a reading costs next
 * to nothing: what it says is looked at when somebody asks, or when its worker has ended.
 */
export class StatTotals {
  /** Lines that could not be read, so far. */
  failures = 0;
  readonly #workers = new Map<number, Worker>();
  /** The one that takes requests. */
  #newest: number | undefined;
  /** What workers that have ended, and servers that were removed, had counted. */
  readonly #ended = new Map<string, Values>();
  #rows: readonly StatRow[] = [];

  /** Remembers a reading of all workers. One without an answer of the newest changes nothing. */
  keep(readings: readonly WorkerStatistics[]): void {
    const newest = readings.find(({ old }) => !old);
    if (newest === undefined || (newest.csv === undefined && !this.#workers.has(newest.pid))) return;
    this.#newest = newest.pid;
    for (const { pid, csv } of readings) {
      if (csv !== undefined) this.#workers.set(pid, { unread: csv, rows: this.#workers.get(pid)?.rows ?? new Map() });
    }
    const running = new Set(readings.map(({ pid }) => pid));
    for (const [pid, worker] of this.#workers) {
      if (running.has(pid)) continue;
      this.#end(this.#read(worker), undefined);
      this.#workers.delete(pid);
    }
  }

  /** The rows of the newest worker, with the counters of all, as of the last reading. */
  rows(): readonly StatRow[] {
    const newest = this.#workers.get(this.#newest ?? 0);
    if (!newest) return this.#rows;
    const workers = [...this.#workers.values()].map((worker) => this.#read(worker));
    this.#forget(workers);
    this.#rows = [...this.#read(newest)].map(([key, row]) => this.#total(key, row, workers));
    return this.#rows;
  }

  /** Both. */
  take(readings: readonly WorkerStatistics[]): readonly StatRow[] {
    this.keep(readings);
    return this.rows();
  }

  #read(worker: Worker): Rows {
    if (worker.unread === undefined) return worker.rows;
    const { rows, failures } = parseStat(worker.unread);
    this.failures += failures;
    const now = new Map(rows.map((row) => [rowKey(row), row]));
    this.#end(worker.rows, now);
    worker.rows = now;
    worker.unread = undefined;
    return now;
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
  #forget(workers: readonly Rows[]): void {
    for (const key of this.#ended.keys()) if (!workers.some((rows) => rows.has(key))) this.#ended.delete(key);
  }

  #total(key: string, newest: StatRow, workers: readonly Rows[]): StatRow {
    const values: Values = new Map(newest.values);
    const add = (more: ReadonlyMap<StatField, number>, isWorker: boolean) => {
      for (const [field, value] of more) {
        if (counters.has(field) || (isWorker && sums.has(field))) values.set(field, (values.get(field) ?? 0) + value);
        else if (isWorker && maxima.has(field)) values.set(field, Math.max(values.get(field) ?? 0, value));
      }
    };
    add(this.#ended.get(key) ?? new Map(), false);
    for (const rows of workers) {
      const row = rows.get(key);
      if (row && row !== newest) add(row.values, true);
    }
    return { ...newest, values };
  }
}
