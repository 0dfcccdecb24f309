import {
  compareTaskStates,
  type Node,
  type NodeId,
  newId,
  type Service,
  type ServiceId,
  type ServiceSpec,
  type Task,
  type TaskId,
  type TaskSpec,
  type TaskState,
  timestamp,
} from "@skep/model";
import type { ServiceView } from "./context.ts";
import { describePlan, type Plan } from "./plan.ts";
import { planService } from "./plan-service.ts";

/** The time at which the tests plan; tasks are made at it, or so many milliseconds before. */
export const now = Date.UTC(2026, 0, 1);
export const second = 1_000_000_000;
export const ago = (ms: number): string => timestamp(now - ms);

const meta = { version: 1, createdAt: ago(0), updatedAt: ago(0) };

export const template = (more: TaskSpec = {}): TaskSpec => ({ ContainerSpec: { Image: "alpine" }, ...more });

export type ServiceOptions = Partial<Omit<Service, "spec">> & { readonly spec?: Partial<ServiceSpec> };

export function service(replicas: number, { spec, ...more }: ServiceOptions = {}): Service {
  return {
    ...meta,
    id: "web" as ServiceId,
    specVersion: 1,
    endpoint: {},
    spec: { Name: "web", TaskTemplate: template(), Mode: { Replicated: { Replicas: replicas } }, ...spec },
    ...more,
  };
}

export const globalService = (options: ServiceOptions = {}): Service =>
  service(0, { ...options, spec: { Mode: { Global: {} }, ...options.spec } });

export interface TaskOptions extends Partial<Omit<Task, "id" | "nodeId" | "status" | "desiredState">> {
  readonly id?: string;
  readonly node?: string;
  readonly state?: TaskState;
  readonly desired?: TaskState;
  /** How long ago it was made, entered its state, and was first seen running; milliseconds. */
  readonly madeAgo?: number;
  readonly stateAgo?: number;
  readonly ranAgo?: number;
}

/** A task of `service` in slot 1, running on node n1 for a minute already. */
export function task(options: TaskOptions = {}): Task {
  const {
    id,
    node = "n1",
    state = "running",
    desired = "running",
    madeAgo = 60_000,
    stateAgo = 0,
    ranAgo,
    ...more
  } = options;
  const wasRunning = ranAgo !== undefined || state === "running";
  const assigned = compareTaskStates(state, "assigned") >= 0 || more.slot === 0;
  return {
    ...meta,
    createdAt: ago(madeAgo),
    id: (id ?? newId()) as TaskId,
    serviceId: "web" as ServiceId,
    slot: 1,
    ...(assigned && { nodeId: node as NodeId }),
    spec: template(),
    specVersion: 1,
    serviceName: "web",
    serviceLabels: {},
    cause: "replica",
    desiredState: desired,
    status: {
      state,
      timestamp: ago(stateAgo),
      message: state,
      ...(wasRunning && { runningAt: ago(ranAgo ?? Math.min(madeAgo, 50_000)) }),
    },
    ...more,
  };
}

export interface NodeOptions {
  readonly state?: Node["status"]["state"];
  readonly availability?: Node["spec"]["Availability"];
  readonly labels?: Readonly<Record<string, string>>;
  readonly downForMs?: number;
}

export const node = (
  id: string,
  { state = "ready", availability = "active", labels, downForMs = 0 }: NodeOptions = {},
): Node => ({
  ...meta,
  id: id as NodeId,
  spec: { Role: "worker", Availability: availability, ...(labels && { Labels: labels }) },
  status: { state, addr: "192.168.0.1", since: ago(downForMs) },
  description: {
    Hostname: id,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: {},
    Engine: { EngineVersion: "28.2.2" },
  },
});

export interface ViewOptions {
  readonly nodes?: readonly Node[];
  readonly historyLimit?: number;
}

const threeNodes = ["n1", "n2", "n3"].map((id) => node(id));

/** Nodes n1, n2 and n3 are ready, unless `nodes` says otherwise. */
export function view(of: Service | undefined, tasks: readonly Task[], options: ViewOptions = {}): ServiceView {
  const { nodes = threeNodes, historyLimit = 5 } = options;
  const byId = new Map([...threeNodes, ...nodes].map((each) => [each.id, each]));
  if (options.nodes?.length === 0) byId.clear();
  return { service: of, tasks, historyLimit, node: (id) => byId.get(id), nodes: () => byId.values() };
}

export const planOf = (of: Service | undefined, tasks: readonly Task[], options: ViewOptions = {}): Plan =>
  planService(view(of, tasks, options), now);

export const plan = (of: Service | undefined, tasks: readonly Task[], options: ViewOptions = {}): string[] =>
  describePlan(planOf(of, tasks, options));
