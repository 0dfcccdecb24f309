import { type Node, type NodeId, type Task, timestamp } from "@skep/model";
import type { Transaction } from "@skep/store";
import { isPending } from "./pending-queue.ts";

/** What the scheduler has decided about one task. */
export type Decision =
  | { readonly do: "assign"; readonly task: Task; readonly node: Node }
  | { readonly do: "explain"; readonly task: Task; readonly explanation: string };

export const assignedTask = (task: Task, nodeId: NodeId, nowMs: number): Task => ({
  ...task,
  nodeId,
  status: {
    state: "assigned",
    timestamp: timestamp(nowMs),
    message:
      task.nodeId === undefined
        ? "scheduler assigned task to node"
        : "scheduler confirmed task can run on preassigned node",
  },
});

/** The timestamp stays: it tells since when the task has been pending. */
export const explainedTask = (task: Task, explanation: string): Task => ({
  ...task,
  status: { ...task.status, message: "pending task scheduling", err: explanation },
});

/**
 * Writes a decision. False when it no longer holds: the task is not pending any more, or its node is not the one that
 * was looked at. Only the scheduler adds to a node's load, so an unchanged node still has the room it had.
 */
export function carryOut(tx: Transaction, decision: Decision, nowMs: number): boolean {
  const task = tx.get("task", decision.task.id);
  if (!task || !isPending(task) || task.nodeId !== decision.task.nodeId) return false;
  if (decision.do === "explain") {
    tx.put("task", explainedTask(task, decision.explanation));
    return true;
  }
  if (tx.get("node", decision.node.id)?.version !== decision.node.version) return false;
  tx.put("task", assignedTask(task, decision.node.id, nowMs));
  return true;
}
