import type { Node, NodeId, Service, ServiceId, Task, TaskId, TaskState } from "@skep/model";

const unstored = { version: 0, createdAt: "", updatedAt: "" } as const;

export function service(id: string, name: string = id): Service {
  return {
    ...unstored,
    id: id as ServiceId,
    spec: { Name: name, TaskTemplate: { ContainerSpec: { Image: "nginx:1.27" } } },
    specVersion: 1,
    endpoint: {},
  };
}

interface TaskParts {
  readonly serviceId?: string;
  readonly slot?: number;
  readonly nodeId?: string;
  readonly state?: TaskState;
  readonly desiredState?: TaskState;
}

export function task(id: string, parts: TaskParts = {}): Task {
  const { serviceId = "web", slot = 1, nodeId, state = "new", desiredState = "running" } = parts;
  return {
    ...unstored,
    id: id as TaskId,
    serviceId: serviceId as ServiceId,
    slot,
    ...(nodeId !== undefined && { nodeId: nodeId as NodeId }),
    spec: { ContainerSpec: { Image: "nginx:1.27" } },
    specVersion: 1,
    serviceName: serviceId,
    serviceLabels: {},
    cause: "replica",
    desiredState,
    status: { state, timestamp: "2026-01-01T00:00:00.000Z", message: "created" },
  };
}

export function node(id: string, hostname?: string): Node {
  const description = hostname !== undefined && {
    Hostname: hostname,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: {},
    Engine: { EngineVersion: "20.10.24" },
  };
  return {
    ...unstored,
    id: id as NodeId,
    spec: { Role: "worker", Availability: "active" },
    ...(description && { description }),
    status: { state: "ready", addr: "192.168.0.1" },
  };
}
