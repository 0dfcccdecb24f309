import {
  compareTaskStates,
  type Node,
  type NodeDescription,
  type NodeId,
  type NodeSpec,
  type PortConfig,
  type ServiceId,
  type Task,
  type TaskId,
  type TaskSpec,
} from "@skep/model";
import { NodeLoad, type NodeSummary } from "./node-load.ts";
import { type Circumstances, schedule } from "./schedule.ts";

// Builders for this folder's tests.

export const gib = 2 ** 30;
const madeAt = "2026-01-01T00:00:00.000Z";

interface NodeWishes {
  readonly labels?: Record<string, string>;
  readonly availability?: NodeSpec["Availability"];
  readonly state?: Node["status"]["state"];
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly plugins?: NodeDescription["Engine"]["Plugins"];
}

/** A ready worker with 4 CPUs and 8 GiB. */
export const node = (name: string, wishes: NodeWishes = {}): Node => ({
  id: name as NodeId,
  version: 0,
  createdAt: madeAt,
  updatedAt: madeAt,
  spec: { Role: "worker", Availability: wishes.availability ?? "active", Labels: wishes.labels ?? {} },
  status: { state: wishes.state ?? "ready", addr: "192.168.0.1" },
  description: {
    Hostname: name,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: (wishes.cpus ?? 4) * 1e9, MemoryBytes: wishes.memoryBytes ?? 8 * gib },
    Engine: { EngineVersion: "20.10.24", Plugins: wishes.plugins ?? [] },
  },
});

export const nodes = (count: number, wishes: NodeWishes = {}): Node[] =>
  Array.from({ length: count }, (_, index) => node(`node-${index + 1}`, wishes));

export interface TaskWishes {
  readonly service?: string;
  readonly spec?: TaskSpec;
  readonly specVersion?: number;
  readonly ports?: readonly PortConfig[];
  readonly node?: string;
  readonly state?: Task["status"]["state"];
  readonly desired?: Task["desiredState"];
}

/** A pending task of service `web`; its id is `web.<slot>`. */
export function task(slot: number, wishes: TaskWishes = {}): Task {
  const service = wishes.service ?? "web";
  return {
    id: `${service}.${slot}` as TaskId,
    version: 0,
    createdAt: madeAt,
    updatedAt: madeAt,
    serviceId: service as ServiceId,
    serviceName: service,
    serviceLabels: {},
    slot,
    ...(wishes.node ? { nodeId: wishes.node as NodeId } : {}),
    spec: wishes.spec ?? {},
    specVersion: wishes.specVersion ?? 1,
    ...(wishes.ports ? { endpointSpec: { Ports: wishes.ports } } : {}),
    cause: "replica",
    desiredState: wishes.desired ?? "running",
    status: { state: wishes.state ?? "pending", timestamp: madeAt, message: "pending task scheduling" },
  };
}

export const tasks = (count: number, wishes: TaskWishes = {}): Task[] =>
  Array.from({ length: count }, (_, index) => task(index + 1, wishes));

export const running = (slot: number, on: string, wishes: TaskWishes = {}): Task =>
  task(slot, { state: "running", ...wishes, node: on });

/** The nodes with `present` on them. */
export function summaries(all: readonly Node[], present: readonly Task[] = []): NodeSummary[] {
  return all.map((node) => {
    const load = new NodeLoad();
    for (const task of present) {
      if (task.nodeId === node.id && compareTaskStates(task.status.state, "running") <= 0) load.add(task);
    }
    return { node, load };
  });
}

export const firstChoice: Circumstances = { nowMs: Date.parse(madeAt), pickIndex: () => 0 };

/** The schedule as lines: `web.1 -> node-2`, then the explanation when something is left over. */
export function planned(pending: readonly Task[], on: readonly NodeSummary[], circumstances = firstChoice): string[] {
  const { placements, unplaced, explanation } = schedule(pending, on, circumstances);
  return [
    ...placements.map(({ task, node }) => `${task.id} -> ${node.node.id}`),
    ...(explanation ? [`${unplaced.map(({ id }) => id).join(", ")}: ${explanation}`] : []),
  ];
}
