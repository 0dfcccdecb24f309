import { type Node, nodeMatches, type Placement, parseConstraints, type Task } from "@skep/model";
import { isActive } from "./node-load.ts";

/**
 * The tasks that the node, as it is now, should not have been given: they break a placement constraint, or older tasks'
 * reservations leave them too little. A paused or drained node is left alone (the orchestrator empties the latter).
 * `placementOf` tells the placement that holds for a task now; constraints may have changed without its replacement.
 */
export function noncompliantTasks(
  node: Node,
  tasks: readonly Task[],
  placementOf: (task: Task) => Placement | undefined,
): Task[] {
  if (node.spec.Availability !== "active") return [];
  const fits = room(node);
  return tasks
    .filter(isActive)
    .sort(byAge)
    .filter((task) => !meetsConstraints(node, placementOf(task)) || !fits(task));
}

/** Of equal age the lower id stays: the same tasks always. */
const byAge = (a: Task, b: Task) => compareText(a.createdAt, b.createdAt) || compareText(a.id, b.id);
const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Malformed constraints, which the control API refuses, are no reason to stop what runs. */
function meetsConstraints(node: Node, placement: Placement | undefined): boolean {
  const expressions = placement?.Constraints ?? [];
  try {
    return nodeMatches(parseConstraints(expressions), node);
  } catch {
    return true;
  }
}

/** Tells of one task after the other whether it still fits beside those before it; a silent node has room for all. */
function room(node: Node): (task: Task) => boolean {
  if (!node.description) return () => true;
  let { NanoCPUs: cpus = 0, MemoryBytes: memory = 0 } = node.description.Resources;
  return (task) => {
    const { NanoCPUs = 0, MemoryBytes = 0 } = task.spec.Resources?.Reservations ?? {};
    if ((NanoCPUs > 0 && NanoCPUs > cpus) || (MemoryBytes > 0 && MemoryBytes > memory)) return false;
    cpus -= NanoCPUs;
    memory -= MemoryBytes;
    return true;
  };
}
