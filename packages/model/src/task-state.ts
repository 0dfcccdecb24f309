/** The Engine API's task states, in the order in which a task may pass them (`swarm-api.md` section 6). */
export const taskStates = [
  "new",
  "allocated",
  "pending",
  "assigned",
  "accepted",
  "preparing",
  "ready",
  "starting",
  "running",
  "complete",
  "shutdown",
  "failed",
  "rejected",
  "remove",
  "orphaned",
] as const;

export type TaskState = (typeof taskStates)[number];

const rank = new Map<TaskState, number>(taskStates.map((state, index) => [state, index]));

export const isTaskState = (value: string): value is TaskState => rank.has(value as TaskState);

/** Negative when `a` comes before `b`. Observed states only ever move forward. */
export const compareTaskStates = (a: TaskState, b: TaskState): number => (rank.get(a) ?? 0) - (rank.get(b) ?? 0);

/** True once the container has ended, or will never start. */
export const isTerminal = (state: TaskState): boolean => compareTaskStates(state, "running") > 0;
