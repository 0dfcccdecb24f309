import type { Assignment, NodeId, ServiceId, Task, TaskId, TaskSpec, TaskState } from "@skep/model";

type Changes = Partial<Omit<Task, "id" | "spec">> & {
  readonly id?: string;
  readonly state?: TaskState;
  readonly spec?: TaskSpec["ContainerSpec"] & { readonly Networks?: TaskSpec["Networks"] };
};

/** A task of service `web`, as a node is given it: desired running, assigned. For tests. */
export function webTask({ id = "t1", state = "assigned", spec, ...changes }: Changes = {}): Task {
  const { Networks, ...container } = spec ?? {};
  return {
    id: id as TaskId,
    version: 1,
    createdAt: "2026-01-01T00:00:00Z",
    updatedAt: "2026-01-01T00:00:00Z",
    serviceId: "s1" as ServiceId,
    slot: 1,
    nodeId: "n1" as NodeId,
    spec: { ContainerSpec: { Image: "alpine:latest", ...container }, ...(Networks && { Networks }) },
    specVersion: 1,
    serviceName: "web",
    serviceLabels: {},
    cause: "replica",
    desiredState: "running",
    status: { state, timestamp: "2026-01-01T00:00:00Z", message: "scheduler assigned task to node" },
    ...changes,
  };
}

export const assigned = (task: Task, registryAuth?: string): Assignment => ({
  task,
  ...(registryAuth !== undefined && { registryAuth }),
});
