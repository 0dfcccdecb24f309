import { type Clock, compareTaskStates, type Logger, type NodeId, type TaskId, type TaskStatus } from "@skep/model";
import type { Store } from "@skep/store";
import { applyStatus } from "./apply-status.ts";

interface Report {
  readonly nodeId: NodeId;
  readonly taskId: TaskId;
  readonly status: TaskStatus;
}

/** How long the first report of a batch waits for company. */
const batchMs = 5;
const maxBatch = 10_000;
const retryMs = 1000;

/**
 * Brings what agents report into the store, many reports a transaction. Of reports of one task that wait together only
 * the last is written, so what is queued is bounded by the number of tasks, however slow the store is.
 */
export class StatusWriter {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #queued = new Map<string, Report>();
  #cancelTimer: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(options: { readonly store: Store; readonly clock: Clock; readonly logger: Logger }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  report(nodeId: NodeId, updates: readonly Omit<Report, "nodeId">[]): void {
    for (const { taskId, status } of updates) this.#queue({ nodeId, taskId, status });
    this.#schedule(batchMs);
  }

  /** Writes what is queued, once; what the store refuses then is lost, and agents report it again when they reconnect. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    await this.#writing;
    if (this.#queued.size > 0) await this.#write();
  }

  #queue(report: Report): void {
    const key = `${report.nodeId}/${report.taskId}`;
    const earlier = this.#queued.get(key);
    if (earlier && compareTaskStates(report.status.state, earlier.status.state) < 0) return;
    this.#queued.set(key, report);
  }

  #schedule(delayMs: number): void {
    if (this.#closed || this.#cancelTimer || this.#writing || this.#queued.size === 0) return;
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#writing = this.#write().then((written) => {
        this.#writing = undefined;
        this.#schedule(written ? 0 : retryMs);
      });
    });
  }

  async #write(): Promise<boolean> {
    const batch = [...this.#queued.values()].slice(0, maxBatch);
    for (const { nodeId, taskId } of batch) this.#queued.delete(`${nodeId}/${taskId}`);
    try {
      await this.#store.update((tx) => {
        for (const { nodeId, taskId, status } of batch) {
          const task = applyStatus(tx.get("task", taskId), nodeId, status);
          if (task) tx.put("task", task);
        }
      });
      return true;
    } catch (err) {
      this.#logger.error({ err, reports: batch.length }, "task status could not be stored, trying again");
      const newer = this.#queued;
      this.#queued = new Map(batch.map((report) => [`${report.nodeId}/${report.taskId}`, report]));
      for (const report of newer.values()) this.#queue(report);
      return false;
    }
  }
}
