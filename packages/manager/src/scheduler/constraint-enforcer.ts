import { isDeepStrictEqual } from "node:util";
import { type Clock, type Logger, type Node, type NodeId, pause, type Task, timestamp } from "@skep/model";
import { type Change, HistoryGone, type Reader, type Store } from "@skep/store";
import { noncompliantTasks } from "./noncompliant-tasks.ts";

export interface ConstraintEnforcerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

const retryAfterFailureMs = 1000;

/**
 * Rejects tasks that no longer belong on their node since its labels, role or resources changed, as long as `run`
 * lasts; run by the leader only. The orchestrator then replaces them.
 */
export class ConstraintEnforcer {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly logger: Logger;

  constructor({ store, clock, logger }: ConstraintEnforcerOptions) {
    this.store = store;
    this.clock = clock;
    this.logger = logger;
  }

  /** Resolves once `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.follow(signal);
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof HistoryGone) continue;
        this.logger.error({ err, retryAfterFailureMs }, "enforcing constraints failed, trying again");
        await pause(this.clock, retryAfterFailureMs, signal);
      }
    }
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const reader = this.store.view();
    const { revision } = reader;
    const present = [...reader.all("node")].map(({ id }) => id);
    for (const id of present) await this.enforce(id);
    for await (const { changes } of this.store.watch(revision, signal)) {
      for (const change of changes) {
        const node = changedNode(change);
        if (node) await this.enforce(node.id);
      }
    }
  }

  private async enforce(id: NodeId): Promise<void> {
    if (findNoncompliant(this.store.view(), id).length === 0) return;
    const now = timestamp(this.clock.now());
    const rejected = await this.store.update((tx) => {
      const tasks = findNoncompliant(tx, id);
      for (const task of tasks) tx.put("task", rejectedTask(task, now));
      return tasks.length;
    });
    this.logger.info({ node: id, tasks: rejected }, "rejected tasks that the node no longer suits");
  }
}

/** The node, when it changed in what may decide about its tasks. */
function changedNode({ kind, before, after }: Change): Node | undefined {
  if (kind !== "node" || !before || !after) return undefined;
  const [was, is] = [before as Node, after as Node];
  const same = isDeepStrictEqual(was.spec, is.spec) && isDeepStrictEqual(was.description, is.description);
  return same && was.status.addr === is.status.addr ? undefined : is;
}

function findNoncompliant(reader: Reader, id: NodeId): Task[] {
  const node = reader.get("node", id);
  if (!node) return [];
  return noncompliantTasks(node, reader.find("task", "node", id), (task) => {
    const service = reader.get("service", task.serviceId);
    return (service?.spec.TaskTemplate ?? task.spec).Placement;
  });
}

/** The observed state says why it ends, the desired one makes its agent stop the container. */
const rejectedTask = (task: Task, now: string): Task => ({
  ...task,
  desiredState: "shutdown",
  status: {
    ...task.status,
    state: "rejected",
    timestamp: now,
    message: "task rejected by constraint enforcer",
    err: "assigned node no longer meets constraints",
  },
});
