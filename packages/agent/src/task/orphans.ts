import type { ListedContainer } from "./container-watch.ts";

/** Containers that this node made for tasks which it no longer has; those of other nodes and clusters are not its own. */
export const orphansOf = (
  containers: readonly ListedContainer[],
  nodeId: string,
  isAssigned: (taskId: string) => boolean,
): readonly ListedContainer[] =>
  containers.filter((container) => container.nodeId === nodeId && !isAssigned(container.taskId));
