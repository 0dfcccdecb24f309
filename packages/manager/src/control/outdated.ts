import { isDeepStrictEqual } from "node:util";
import {
  type EndpointSpec,
  type Node,
  nodeMatches,
  parseConstraints,
  type Service,
  type Task,
  type TaskSpec,
} from "@skep/model";

/**
 * Whether a task no longer is what its service asks for and an update would replace it: swarmkit's `IsTaskDirty`.
 * Placement constraints alone do not make it so, as long as its node satisfies the new ones.
 */
export function isOutdated(service: Service, task: Task, node: Node | undefined): boolean {
  if (service.specVersion === task.specVersion) return false;
  const wanted = service.spec.TaskTemplate;
  if (!isDeepStrictEqual(task.endpointSpec ?? noEndpoint, service.spec.EndpointSpec ?? noEndpoint)) return true;
  if (isDeepStrictEqual(task.spec, wanted)) return false;
  const constraintsOnly = isDeepStrictEqual(withoutConstraints(task.spec), withoutConstraints(wanted));
  return !(constraintsOnly && node && nodeMatches(parseConstraints(wanted.Placement?.Constraints ?? []), node));
}

const noEndpoint: EndpointSpec = { Mode: "vip" };

function withoutConstraints(spec: TaskSpec): TaskSpec {
  const { Constraints: _, ...placement } = spec.Placement ?? {};
  return { ...spec, Placement: placement };
}
