import { type Clock, compareTaskStates, isTerminal, type Logger, type NodeId, timestamp } from "@skep/model";
import type { Store } from "@skep/store";

/** As swarmkit: a node that is down for a day is not expected to report the end of its tasks any more. */
const orphanAfterMs = 24 * 60 * 60 * 1000;
const batchSize = 1000;

/** Gives up the tasks of nodes that stay down for a day, so that what they hold can be used again. */
export class OrphanTimers {
  readonly #onGivenUp: (nodeId: NodeId) => void;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #cancels = new Map<NodeId, () => void>();

  constructor(options: {
    readonly store: Store;
    readonly clock: Clock;
    readonly logger: Logger;
    /** The node's tasks are given up: it is not expected to come back as it was. */
    readonly onGivenUp: (nodeId: NodeId) => void;
  }) {
    this.#onGivenUp = options.onGivenUp;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** The node is down since then (milliseconds since the epoch). */
  start(nodeId: NodeId, sinceMs: number = this.#clock.now()): void {
    this.cancel(nodeId);
    const cancel = this.#clock.after(sinceMs + orphanAfterMs - this.#clock.now(), () => {
      this.#cancels.delete(nodeId);
      this.#onGivenUp(nodeId);
      orphanTasks(this.#store, this.#clock, nodeId).then(
        (count) =>
          this.#logger.warn({ node: nodeId, tasks: count }, "gave up the tasks of a node that is down for a day"),
        (err) => this.#logger.error({ node: nodeId, err }, "tasks of a node that is down could not be given up"),
      );
    });
    this.#cancels.set(nodeId, cancel);
  }

  cancel(nodeId: NodeId): void {
    this.#cancels.get(nodeId)?.();
    this.#cancels.delete(nodeId);
  }

  close(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}

/** Resolves with the number of tasks that became `orphaned`; 0 when the node is back. */
export async function orphanTasks(store: Store, clock: Clock, nodeId: NodeId): Promise<number> {
  for (let total = 0; ; ) {
    const count = await store.update((tx) => {
      if (tx.get("node", nodeId)?.status.state !== "down") return 0;
      const left = tx
        .find("task", "node", nodeId)
        .filter(({ status }) => compareTaskStates(status.state, "assigned") >= 0 && !isTerminal(status.state))
        .slice(0, batchSize);
      for (const task of left)
        tx.put("task", {
          ...task,
          status: { ...task.status, state: "orphaned", timestamp: timestamp(clock.now()), message: "node is down" },
        });
      return left.length;
    });
    total += count;
    if (count < batchSize) return total;
  }
}
