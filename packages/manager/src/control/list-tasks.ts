import { isTaskState, type Node, type Service, type Task, taskName } from "@skep/model";
import type { Reader } from "@skep/store";
import { isOutdated } from "../orchestrator/outdated.ts";
import {
  anyOf,
  byId,
  type Filters,
  labelsMatch,
  prefixOf,
  refuseUnknownFilters,
  refuseUnknownWords,
} from "./filters.ts";
import { lookUp } from "./look-up.ts";

const known = ["id", "name", "service", "node", "label", "desired-state", "_up-to-date", "runtime"];

/** The tasks that match, by id. Throws 404 when the filter names a service or node that does not exist. */
export function listTasks(reader: Reader, filters: Filters): Task[] {
  refuseUnknownFilters(filters, known);
  refuseUnknownWords(filters, "desired-state", isTaskState);
  const services = filters.get("service")?.map((text) => lookUp(reader, "service", text));
  const nodes = filters.get("node")?.map((text) => lookUp(reader, "node", text));
  const nodeIds = nodes && new Set<string | undefined>(nodes.map((node) => node.id));
  return [...candidates(reader, services, nodes)]
    .filter(
      (task) =>
        (nodeIds === undefined || nodeIds.has(task.nodeId)) &&
        prefixOf(filters, "id", task.id) &&
        prefixOf(filters, "name", taskName(task)) &&
        labelsMatch(filters, "label", task.serviceLabels) &&
        anyOf(filters, "desired-state", (state) => state.toLowerCase() === task.desiredState) &&
        hasRuntime(filters, task) &&
        (!filters.has("_up-to-date") || isUpToDate(reader, task)),
    )
    .sort(byId);
}

/** Attached containers are shown to those only who ask for them. */
function hasRuntime(filters: Filters, { spec }: Task): boolean {
  const wanted = filters.get("runtime") ?? [];
  return (wanted.length > 0 ? wanted : ["container"]).includes(spec.Runtime || "container");
}

/** By the narrowest index there is: a cluster may hold a hundred thousand tasks. */
function candidates(
  reader: Reader,
  services: readonly Service[] | undefined,
  nodes: readonly Node[] | undefined,
): Iterable<Task> {
  if (services) return new Set(services.flatMap((service) => reader.find("task", "service", service.id)));
  if (nodes) return new Set(nodes.flatMap((node) => reader.find("task", "node", node.id)));
  return reader.all("task");
}

function isUpToDate(reader: Reader, task: Task): boolean {
  const service = reader.get("service", task.serviceId);
  const node = task.nodeId && reader.get("node", task.nodeId);
  return service !== undefined && !isOutdated(service, task, node || undefined);
}
