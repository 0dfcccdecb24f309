import { compareTaskStates, type NodeId, type Task } from "@skep/model";

/** All tasks of one replica, or of a global service on one node. */
export interface Slot {
  /** As in the store's `slot` index: the slot's number, for global services the node's id. */
  readonly key: string;
  /** 0 for global services. */
  readonly number: number;
  /** Global services only. */
  readonly nodeId?: NodeId;
  /** Newest first. */
  readonly tasks: readonly Task[];
  /** Those that are to run, newest first: none in a slot that is empty or finished, one, or two during a hand-over. */
  readonly live: readonly Task[];
}

/** True as long as nobody wants the task to end. */
export const isLive = (task: Task): boolean => compareTaskStates(task.desiredState, "running") <= 0;

/** True until a node has been told of the task. */
export const isUnassigned = (task: Task): boolean => compareTaskStates(task.status.state, "assigned") < 0;

/** True for a task that nobody had to stop. */
export const endedByItself = ({ status: { state } }: Task): boolean =>
  state === "complete" || state === "failed" || state === "rejected";

export const slotKey = (task: Pick<Task, "slot" | "nodeId">): string =>
  task.slot ? `${task.slot}` : (task.nodeId ?? "");

export function slotOf(key: string, tasks: readonly Task[]): Slot {
  const newestFirst = tasks.length > 1 ? [...tasks].sort(byAge) : tasks;
  const number = newestFirst[0] ? newestFirst[0].slot : Number(key) || 0;
  return {
    key,
    number,
    ...(number === 0 && { nodeId: key as NodeId }),
    tasks: newestFirst,
    live: newestFirst.filter(isLive),
  };
}

/** Times have milliseconds only; of tasks made in the same one, the one that is to run is the newer. */
function byAge(a: Task, b: Task): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return compareTaskStates(a.desiredState, b.desiredState) || b.version - a.version;
}

export function groupSlots(tasks: readonly Task[]): Map<string, Slot> {
  const byKey = new Map<string, Task[]>();
  for (const task of tasks) {
    const key = slotKey(task);
    const known = byKey.get(key);
    if (known) known.push(task);
    else byKey.set(key, [task]);
  }
  return new Map([...byKey].map(([key, inSlot]) => [key, slotOf(key, inSlot)]));
}
