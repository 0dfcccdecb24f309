import type { Clock, Logger, TaskId } from "@skep/model";
import type { SwarmCalls } from "./swarm-calls.ts";

export interface SettlingOptions {
  readonly calls: Pick<SwarmCalls, "settle">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long a start waits for the other nodes' routes, a stop for their balancers; then it goes on, and says so. */
const startMs = 5_000;
const stopMs = 15_000;
/** For connections that were sent to it just before: they are on their way, or wait to be accepted. */
const arrivingMs = 100;

/** Waits until the other nodes know what they must before a container starts, or stops. */
export class Settling {
  readonly #options: SettlingOptions;
  readonly #starting = new Map<TaskId, Promise<void>>();

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** Its address is routed everywhere. Asked for early, the later call has less to wait for. Never rejects. */
  start(taskId: TaskId): Promise<void> {
    const known = this.#starting.get(taskId);
    if (known) return known;
    const settling = this.#settle(taskId, false, startMs);
    this.#starting.set(taskId, settling);
    return settling;
  }

  /** All of them; their next start asks again. */
  async started(taskIds: Iterable<TaskId>): Promise<void> {
    const each = [...new Set(taskIds)];
    await Promise.all(each.map((taskId) => this.start(taskId)));
    for (const taskId of each) this.#starting.delete(taskId);
  }

  /** Nobody is sent to it any more. Never rejects. */
  async withdraw(taskId: TaskId): Promise<void> {
    await this.#settle(taskId, true, stopMs);
    await new Promise<void>((resolve) => this.#options.clock.after(arrivingMs, resolve));
  }

  async #settle(taskId: TaskId, withdraw: boolean, limitMs: number): Promise<void> {
    const { calls, clock, log } = this.#options;
    const limit = new AbortController();
    const cancel = clock.after(limitMs, () => limit.abort());
    try {
      await calls.settle(taskId, { withdraw }, limit.signal);
    } catch (err) {
      log.warn({ task: taskId, withdraw, err }, "not every node has confirmed a task's new state in time");
    } finally {
      cancel();
    }
  }
}
