import { type Node, nodeMatches, parseConstraints, type Service, type Task, type TaskSpec } from "@skep/model";
import { taskSpecOf } from "../allocator/index.ts";
import { sameSpec } from "./same-spec.ts";

/**
 * Whether a task no longer is what its service asks for, so that an update replaces it: swarmkit's `IsTaskDirty`.
 * Placement constraints alone do not make it so as long as its node satisfies the new ones.
 */
export const isOutdated = (service: Service, task: Task, node: Node | undefined): boolean =>
  compareToService(service, task)(node);

/**
 * The same for many tasks: what depends on the task's spec alone is worked out once, and the answer is good for every
 * task of the same spec version.
 */
export function compareToService(service: Service, task: Task): (node: Node | undefined) => boolean {
  const wanted = taskSpecOf(service.spec);
  if (service.specVersion === task.specVersion) return () => false;
  if (!sameSpec(task.endpointSpec ?? noEndpoint, service.spec.EndpointSpec ?? noEndpoint)) return () => true;
  if (sameSpec(task.spec, wanted)) return () => false;
  if (!sameSpec(withoutConstraints(task.spec), withoutConstraints(wanted))) return () => true;
  const constraints = parseConstraints(wanted.Placement?.Constraints ?? []);
  return (node) => !node || !nodeMatches(constraints, node);
}

const noEndpoint = { Mode: "vip" } as const;

function withoutConstraints(spec: TaskSpec): TaskSpec {
  const { Constraints: _, ...placement } = spec.Placement ?? {};
  return { ...spec, Placement: placement };
}
