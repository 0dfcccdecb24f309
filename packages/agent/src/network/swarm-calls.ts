import type { AttachRequest, Task, TaskId } from "@skep/model";

/** What a node asks its manager about networks; `ManagerSession` carries it there. */
export interface SwarmCalls {
  /**
   * Resolves when every node that has a network of the task has taken over its record as it is at the call; with
   * `withdraw` the task is taken out of service first. Goes on across lost sessions until `signal` aborts.
   */
  settle(taskId: TaskId, options: { readonly withdraw: boolean }, signal: AbortSignal): Promise<void>;
  /** Rejects with the manager's refusal. */
  attach(request: AttachRequest, signal: AbortSignal): Promise<Task>;
  detach(taskId: TaskId, signal: AbortSignal): Promise<void>;
}
