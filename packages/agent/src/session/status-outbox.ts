import { isDeepStrictEqual } from "node:util";
import { type Assignment, compareTaskStates, type Task, type TaskId, type TaskStatus } from "@skep/model";

export interface StatusUpdate {
  readonly taskId: TaskId;
  readonly status: TaskStatus;
}

/**
 * The last status of each task, and which of them the manager has yet to be told. A manager that stops may lose what
 * it was told last; with the next full set it shows what it knows, and the rest is told again.
 */
export class StatusOutbox {
  readonly #last = new Map<TaskId, TaskStatus>();
  readonly #unsent = new Set<TaskId>();

  report(updates: readonly StatusUpdate[]): void {
    for (const { taskId, status } of updates) {
      this.#last.set(taskId, status);
      this.#unsent.add(taskId);
    }
  }

  /** What is to be sent now, at most `limit`; it counts as sent then. */
  take(limit: number): StatusUpdate[] {
    const taken: StatusUpdate[] = [];
    for (const taskId of this.#unsent) {
      if (taken.length === limit) break;
      const status = this.#last.get(taskId);
      if (status) taken.push({ taskId, status });
      this.#unsent.delete(taskId);
    }
    return taken;
  }

  /** The manager's full set: what it knows less of is to be sent again, what it does not have is forgotten. */
  compare(assignments: readonly Assignment[]): void {
    const assigned = new Map(assignments.map(({ task }) => [task.id, task]));
    for (const [taskId, status] of this.#last) {
      const task = assigned.get(taskId);
      if (!task) this.forget(taskId);
      else if (isNews(task, status)) this.#unsent.add(taskId);
    }
  }

  forget(taskId: TaskId): void {
    this.#last.delete(taskId);
    this.#unsent.delete(taskId);
  }
}

/** The manager may have added when it first saw the task running. */
function isNews(task: Task, status: TaskStatus): boolean {
  const order = compareTaskStates(status.state, task.status.state);
  const { runningAt } = task.status;
  return order > 0 || (order === 0 && !isDeepStrictEqual({ ...status, ...(runningAt && { runningAt }) }, task.status));
}
