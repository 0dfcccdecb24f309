import type { NodeId, ServiceId, TaskId } from "./ids.ts";
import type { Labels, Meta } from "./meta.ts";
import type { NetworkAttachment } from "./network.ts";
import type { EndpointSpec, PortConfig, TaskSpec } from "./service-spec.ts";
import type { TaskState } from "./task-state.ts";

/** One attempt to run one replica: immutable, on one node, never restarted in place. */
export interface Task extends Meta {
  readonly id: TaskId;
  /** Empty for containers attached by hand. */
  readonly serviceId: ServiceId;
  /** 1 and up for replicated services; 0 for global ones, whose tasks are told apart by node. */
  readonly slot: number;
  /** Set by the scheduler, or at creation for global services. */
  readonly nodeId?: NodeId;
  /** The service's task template as it was when the task was made. */
  readonly spec: TaskSpec;
  /** The service's `specVersion` it was made from. */
  readonly specVersion: number;
  readonly endpointSpec?: EndpointSpec;
  /** The ingress network first, then the others in the order of the spec; absent until it is allocated. */
  readonly networks?: readonly NetworkAttachment[];
  /** Its node takes it out of service, before it is told to stop: no balancer may pick it any more. */
  readonly withdrawn?: boolean;
  /** Copied, so that `stack ps` and container names still work when the service is gone. */
  readonly serviceName: string;
  readonly serviceLabels: Labels;
  /** Why it was made: to fill a slot, to replace a task that ended, or to replace one of an older spec. */
  readonly cause: "replica" | "restart" | "update";
  /** Written by managers only. */
  readonly desiredState: TaskState;
  /** Written up to `assigned` by managers, from `accepted` on by the node's agent; only ever moves forward. */
  readonly status: TaskStatus;
}

export interface TaskStatus {
  readonly state: TaskState;
  /** When the task entered `state`, RFC 3339. */
  readonly timestamp: string;
  readonly message: string;
  readonly err?: string;
  readonly container?: { readonly id: string; readonly pid?: number; readonly exitCode?: number };
  /** Host-mode ports as the engine bound them. */
  readonly ports?: readonly PortConfig[];
  /** When it was first seen running, RFC 3339; kept when it ends. */
  readonly runningAt?: string;
}

/** It stands for a container that an operator attached to a network by hand: nothing is to be run or replaced. */
export const isAttachment = ({ spec }: Pick<Task, "spec">): boolean => spec.Runtime === "attachment";

/** `service.slot.taskid`, for global services `service.nodeid.taskid`: the container's name too. */
export const taskName = (task: Pick<Task, "serviceName" | "slot" | "nodeId" | "id">): string =>
  `${task.serviceName}.${task.slot || (task.nodeId ?? "")}.${task.id}`;
