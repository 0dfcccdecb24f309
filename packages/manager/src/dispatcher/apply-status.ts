import { isDeepStrictEqual } from "node:util";
import { compareTaskStates, type NodeId, type Task, type TaskStatus } from "@skep/model";

/**
 * The task with what its node reports of it; undefined when there is nothing to write: the task is gone, is another
 * node's, or is past that state already. A node speaks of its tasks from `accepted` to `rejected`; the states before
 * and after are the managers'.
 */
export function applyStatus(task: Task | undefined, nodeId: NodeId, reported: TaskStatus): Task | undefined {
  if (!task || task.nodeId !== nodeId || !isAgentState(reported)) return undefined;
  if (compareTaskStates(task.status.state, "assigned") < 0) return undefined;
  if (compareTaskStates(reported.state, task.status.state) < 0) return undefined;
  const status = { ...reported, ...runningAt(task.status, reported) };
  return isDeepStrictEqual(status, task.status) ? undefined : { ...task, status };
}

const isAgentState = ({ state }: TaskStatus): boolean =>
  compareTaskStates(state, "accepted") >= 0 && compareTaskStates(state, "rejected") <= 0;

/** When it was first seen running outlives every later status. */
function runningAt(before: TaskStatus, reported: TaskStatus): Pick<TaskStatus, "runningAt"> {
  const known =
    before.runningAt ?? reported.runningAt ?? (reported.state === "running" ? reported.timestamp : undefined);
  return known === undefined ? {} : { runningAt: known };
}
