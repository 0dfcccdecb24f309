import { isDeepStrictEqual } from "node:util";
import type { Node, NodeId, Task, TaskId } from "@skep/model";
import type { Change, Reader } from "@skep/store";
import { isActive, NodeLoad, type NodeSummary, occupiesNode } from "./node-load.ts";
import { isPending, PendingQueue } from "./pending-queue.ts";

/**
 * What the scheduler knows of the cluster, kept up from the store's changes so that no decision reads all tasks.
 * Setting a task to what it is already changes nothing, so a decision may be put in before its change comes back.
 */
export class ClusterView {
  readonly queue = new PendingQueue();
  /** Nodes on which tasks gave up room since the blocked groups were last tried; a new one makes no other difference. */
  readonly released = new Set<NodeId>();
  private readonly summaries = new Map<NodeId, NodeSummary>();
  private readonly loads = new Map<NodeId, NodeLoad>();
  /** Tasks that wait for a node or take room on one. */
  private readonly tasks = new Map<TaskId, Task>();
  private summaryList: readonly NodeSummary[] | undefined;

  constructor(reader: Reader, nowMs: number) {
    for (const node of reader.all("node")) this.setNode(node.id, node);
    for (const task of reader.all("task")) {
      this.setTask(task.id, task, nowMs);
      if (hasFailed(task)) this.noteFailure(task, Math.min(nowMs, Date.parse(task.status.timestamp)));
    }
  }

  get nodes(): readonly NodeSummary[] {
    this.summaryList ??= [...this.summaries.values()];
    return this.summaryList;
  }

  node(id: NodeId): NodeSummary | undefined {
    return this.summaries.get(id);
  }

  apply(change: Change, nowMs: number): void {
    if (change.kind === "node") this.setNode(change.id as NodeId, change.after as Node | undefined);
    if (change.kind === "task") this.setTask(change.id as TaskId, change.after as Task | undefined, nowMs);
  }

  setTask(id: TaskId, task: Task | undefined, nowMs: number): void {
    const known = this.tasks.get(id);
    const waits = task !== undefined && isPending(task);
    const occupies = task !== undefined && occupiesNode(task);
    if (known && isPending(known) && !(waits && known.nodeId === task.nodeId)) this.queue.remove(known);
    if (known && occupiesNode(known)) this.load(known).remove(known);
    if (waits) this.queue.put(task);
    if (occupies) this.load(task).add(task);
    if (waits || occupies) this.tasks.set(id, task);
    else this.tasks.delete(id);
    if (known && occupiesNode(known)) this.noteEnd(known, task, nowMs);
  }

  private setNode(id: NodeId, node: Node | undefined): void {
    const known = this.summaries.get(id)?.node;
    this.summaryList = undefined;
    if (node) this.summaries.set(id, { node, load: this.loadOf(id) });
    else this.summaries.delete(id);
    if (!known || !node || !isEqualPlace(known, node)) this.queue.unblockAll();
  }

  private noteEnd(before: Task, after: Task | undefined, nowMs: number): void {
    const gaveUpRoom = !after || !occupiesNode(after) || (isActive(before) && !isActive(after));
    if (gaveUpRoom && before.nodeId && this.queue.hasBlocked) this.released.add(before.nodeId);
    if (after && hasFailed(after)) this.noteFailure(after, nowMs);
  }

  private noteFailure(task: Task, atMs: number): void {
    if (task.nodeId) this.loadOf(task.nodeId).noteFailure(task, atMs);
  }

  private load(task: Task): NodeLoad {
    if (!task.nodeId) throw new Error(`task ${task.id} occupies no node`);
    return this.loadOf(task.nodeId);
  }

  /** Loads outlive their nodes: tasks may be known before their node, and after it is gone. */
  private loadOf(id: NodeId): NodeLoad {
    const load = this.loads.get(id) ?? new NodeLoad();
    this.loads.set(id, load);
    return load;
  }
}

const hasFailed = (task: Task) => task.status.state === "failed" || task.status.state === "rejected";

/** True when the change of a node, a heartbeat's for example, means nothing for what it can take. */
const isEqualPlace = (a: Node, b: Node) =>
  a.status.state === b.status.state &&
  a.status.addr === b.status.addr &&
  isDeepStrictEqual(a.spec, b.spec) &&
  isDeepStrictEqual(a.description, b.description);
