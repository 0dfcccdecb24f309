import type { Task, TaskStatus } from "@skep/model";
import { renderMeta } from "./render-meta.ts";

/** A task as `GET /tasks` shows it: its spec without the runtime, zeros left out. */
export function renderTask(task: Task): unknown {
  const { Runtime: _, ...spec } = task.spec;
  return {
    ID: task.id,
    ...renderMeta(task),
    Labels: {},
    Spec: spec,
    ServiceID: task.serviceId,
    ...(task.slot && { Slot: task.slot }),
    ...(task.nodeId && { NodeID: task.nodeId }),
    Status: renderStatus(task.status),
    DesiredState: task.desiredState,
  };
}

const renderStatus = ({ timestamp, state, message, err, container, ports }: TaskStatus) => ({
  Timestamp: timestamp,
  State: state,
  ...(message && { Message: message }),
  ...(err && { Err: err }),
  ...(container && {
    ContainerStatus: { ContainerID: container.id, PID: container.pid ?? 0, ExitCode: container.exitCode ?? 0 },
  }),
  PortStatus: ports?.length ? { Ports: ports } : {},
});
