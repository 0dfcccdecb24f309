import type { Task } from "@skep/model";

/**
 * Passes a new task on to the scheduler. Tasks need addresses on networks only; as long as there are no networks, none
 * has to wait for any.
 */
export const allocate = (task: Task): Task => ({
  ...task,
  status: { ...task.status, state: "pending", message: "pending task scheduling" },
});
