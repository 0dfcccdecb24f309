import { isDeepStrictEqual } from "node:util";
import { type Assignment, compareTaskStates, isAttachment, isTerminal, type NodeId, type Task } from "@skep/model";
import type { Change, Reader } from "@skep/store";

/**
 * A task concerns its node from `assigned` on until it is deleted; also ended ones, whose containers the node keeps.
 * A container that was attached by hand is none of its agent's.
 */
export const isAssigned = (task: Task | undefined): task is Task & { readonly nodeId: NodeId } =>
  task?.nodeId !== undefined && compareTaskStates(task.status.state, "assigned") >= 0 && !isAttachment(task);

/** Everything one node should have. */
export const assignmentsOf = (reader: Reader, nodeId: NodeId): Assignment[] =>
  reader
    .find("task", "node", nodeId)
    .filter(isAssigned)
    .map((task) => assignmentOf(reader, task));

/** The task as its node gets it; with the registry's credentials only while it may still have to pull. */
export function assignmentOf(reader: Reader, task: Task): Assignment {
  if (isTerminal(task.status.state) || isTerminal(task.desiredState)) return { task };
  const service = reader.get("service", task.serviceId);
  const registryAuth = service?.registryAuth ?? service?.previousRegistryAuth;
  return registryAuth === undefined ? { task } : { task, registryAuth };
}

/** What a change of a task is to the node it is assigned to. */
export type AssignmentChange =
  | { readonly do: "put"; readonly nodeId: NodeId; readonly task: Task }
  | { readonly do: "remove"; readonly nodeId: NodeId; readonly task: Task };

/** Undefined when the change is nothing to a node, above all when it is what the node itself reported. */
export function assignmentChange({ before, after }: Change<"task">): AssignmentChange | undefined {
  if (isAssigned(after)) {
    if (isAssigned(before) && !differsForNode(before, after)) return undefined;
    return { do: "put", nodeId: after.nodeId, task: after };
  }
  return isAssigned(before) ? { do: "remove", nodeId: before.nodeId, task: before } : undefined;
}

/** The status is the node's own from `accepted` on; the rest is the managers'. */
function differsForNode(before: Task, after: Task): boolean {
  const { status: _beforeStatus, version: _beforeVersion, updatedAt: _beforeTime, ...beforeRest } = before;
  const { status: _afterStatus, version: _afterVersion, updatedAt: _afterTime, ...afterRest } = after;
  return !isDeepStrictEqual(beforeRest, afterRest);
}
