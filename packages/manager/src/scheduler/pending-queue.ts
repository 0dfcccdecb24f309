import { compareTaskStates, type NodeId, type Task, type TaskId } from "@skep/model";

/** Tasks that are alike for the scheduler: of one service and spec version, and bound to the same node or to none. */
export interface PendingGroup {
  readonly key: string;
  /** The node they are bound to, as tasks of global services are. */
  readonly nodeId?: NodeId;
  readonly tasks: Map<TaskId, Task>;
}

/** True while the scheduler has to find, or confirm, the task's node. */
export const isPending = (task: Task): boolean =>
  task.status.state === "pending" && compareTaskStates(task.desiredState, "complete") <= 0;

const keyOf = (task: Task) => `${task.serviceId}/${task.specVersion}/${task.nodeId ?? ""}`;

/** Pending tasks by group. A group is ready to be planned, or blocked until something frees room for it. */
export class PendingQueue {
  /** Groups bound to a node are planned before others take their room. */
  private readonly readyBound = new Map<string, PendingGroup>();
  private readonly readyFree = new Map<string, PendingGroup>();
  private readonly blockedGroups = new Map<string, PendingGroup>();

  get hasReady(): boolean {
    return this.readyBound.size + this.readyFree.size > 0;
  }

  get hasBlocked(): boolean {
    return this.blockedGroups.size > 0;
  }

  /** Bound groups first, else in the order in which they became ready. */
  *ready(): Iterable<PendingGroup> {
    yield* this.readyBound.values();
    yield* this.readyFree.values();
  }

  blocked(): Iterable<PendingGroup> {
    return this.blockedGroups.values();
  }

  /** A task that was not in the queue makes its group ready; one that was keeps its place. */
  put(task: Task): void {
    const key = keyOf(task);
    const group = this.find(key) ?? this.create(key, task.nodeId);
    if (!group.tasks.has(task.id)) this.makeReady(group);
    group.tasks.set(task.id, task);
  }

  /** `task` as it was put. */
  remove(task: Task): void {
    const key = keyOf(task);
    const group = this.find(key);
    if (!group?.tasks.delete(task.id) || group.tasks.size > 0) return;
    this.readyBound.delete(key);
    this.readyFree.delete(key);
    this.blockedGroups.delete(key);
  }

  block(group: PendingGroup): void {
    this.readyBound.delete(group.key);
    this.readyFree.delete(group.key);
    this.blockedGroups.set(group.key, group);
  }

  unblockAll(): void {
    for (const group of this.blockedGroups.values()) this.makeReady(group);
  }

  private find(key: string): PendingGroup | undefined {
    return this.readyBound.get(key) ?? this.readyFree.get(key) ?? this.blockedGroups.get(key);
  }

  private create(key: string, nodeId: NodeId | undefined): PendingGroup {
    return { key, ...(nodeId ? { nodeId } : {}), tasks: new Map() };
  }

  private makeReady(group: PendingGroup): void {
    this.blockedGroups.delete(group.key);
    (group.nodeId === undefined ? this.readyFree : this.readyBound).set(group.key, group);
  }
}
