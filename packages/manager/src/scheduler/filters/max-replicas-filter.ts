import type { MakeFilter } from "./filter.ts";

export const maxReplicasFilter: MakeFilter = (task) => {
  const most = task.spec.Placement?.MaxReplicas ?? 0;
  if (most <= 0) return undefined;
  return {
    check: ({ load }) => Math.max(0, most - load.activeTasksOf(task.serviceId)),
    explain: () => "max replicas per node limit exceed",
    detail: () => `at most ${most} of this service's tasks on one node`,
  };
};
