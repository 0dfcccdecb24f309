import type { Service, ServiceSpec, Task } from "@skep/model";
import type { Reader } from "@skep/store";
import { anyOf, byId, type Filters, labelsMatch, prefixOf, refuseUnknownFilters } from "./filters.ts";

const known = ["id", "name", "label", "mode", "runtime"];

/** The services that match, by id. */
export function listServices(reader: Reader, filters: Filters): Service[] {
  refuseUnknownFilters(filters, known);
  return [...reader.all("service")]
    .filter(
      ({ id, spec }) =>
        prefixOf(filters, "id", id) &&
        prefixOf(filters, "name", spec.Name ?? "") &&
        labelsMatch(filters, "label", spec.Labels) &&
        anyOf(filters, "mode", (mode) => mode === modeWord(spec)) &&
        anyOf(filters, "runtime", (runtime) => runtime === spec.TaskTemplate.Runtime),
    )
    .sort(byId);
}

/** The word `docker service ls` filters by. */
export function modeWord({ Mode: mode = {} }: ServiceSpec): string {
  if (mode.Global) return "global";
  if (mode.ReplicatedJob) return "replicated-job";
  return mode.GlobalJob ? "global-job" : "replicated";
}

export interface ServiceStatus {
  readonly runningTasks: number;
  readonly desiredTasks: number;
  readonly completedTasks: number;
}

/**
 * How many tasks run and how many should (`swarm-api.md` 5.7). Unlike Docker's, the count leaves out tasks on nodes
 * that are down, which are still recorded as running: Docker shows `4/3` then.
 */
export function serviceStatus(reader: Reader, service: Service): ServiceStatus {
  const tasks = reader.find("task", "service", service.id);
  const replicas = service.spec.Mode?.Replicated?.Replicas;
  return {
    runningTasks: tasks.filter((task) => task.status.state === "running" && !isOnDownNode(reader, task)).length,
    desiredTasks: replicas ?? tasks.filter((task) => task.desiredState === "running").length,
    completedTasks: 0,
  };
}

const isOnDownNode = (reader: Reader, task: Task): boolean => {
  const state = task.nodeId && reader.get("node", task.nodeId)?.status.state;
  return state === undefined || state === "down";
};
