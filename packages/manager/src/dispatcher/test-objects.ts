import type { Cluster, ClusterId, Node, NodeId, Service, ServiceId, Task, TaskId } from "@skep/model";
import type { RootCa } from "../ca/root-ca.ts";

// Objects with defaults, for the tests of this folder.

const time = "2026-01-01T00:00:00.000Z";
const meta = { version: 0, createdAt: time, updatedAt: time } as const;

export const someTask = (id: TaskId, rest: Partial<Task> = {}): Task => ({
  ...meta,
  id,
  serviceId: "service-1" as ServiceId,
  slot: 1,
  spec: { ContainerSpec: { Image: "busybox" } },
  specVersion: 1,
  serviceName: "web",
  serviceLabels: {},
  cause: "replica",
  desiredState: "running",
  status: { state: "assigned", timestamp: time, message: "scheduler assigned task to node" },
  ...rest,
});

export const someNode = (id: NodeId, rest: Partial<Node> = {}): Node => ({
  ...meta,
  id,
  spec: { Labels: {}, Role: "worker", Availability: "active" },
  status: { state: "unknown", addr: "127.0.0.1" },
  ...rest,
});

export const someService = (id: ServiceId, rest: Partial<Service> = {}): Service => ({
  ...meta,
  id,
  spec: { Name: "web", TaskTemplate: { ContainerSpec: { Image: "busybox" } } },
  specVersion: 1,
  endpoint: {},
  ...rest,
});

export const someCluster = (rootCa: RootCa, rest: Partial<Cluster> = {}): Cluster => ({
  ...meta,
  id: "cluster-1" as ClusterId,
  spec: { Name: "default" },
  rootCa,
  joinTokens: { worker: "worker-token", manager: "manager-token" },
  defaultAddrPool: [],
  subnetSize: 24,
  dataPathPort: 4789,
  blockedNodes: {},
  ...rest,
});
