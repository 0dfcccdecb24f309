import type { NetworkAttachment, Task, TaskStatus } from "@skep/model";
import type { Reader } from "@skep/store";
import { renderMeta } from "./render-meta.ts";
import { renderTaskNetwork } from "./render-task-network.ts";

/** A task as `GET /tasks` shows it: its spec without the runtime of containers, zeros left out. */
export function renderTask(task: Task, reader: Pick<Reader, "get">): unknown {
  const { Runtime: runtime, ...rest } = task.spec;
  const spec = runtime === "attachment" ? { ...rest, Runtime: runtime } : rest;
  const networks = renderAttachments(task.networks ?? [], reader);
  return {
    ID: task.id,
    ...renderMeta(task),
    Labels: {},
    Spec: spec,
    ...(task.serviceId && { ServiceID: task.serviceId }),
    ...(task.slot && { Slot: task.slot }),
    ...(task.nodeId && { NodeID: task.nodeId }),
    Status: renderStatus(task.status),
    DesiredState: task.desiredState,
    ...(networks.length > 0 && { NetworksAttachments: networks }),
  };
}

/** A network that was removed before the task has nothing to show. */
const renderAttachments = (attachments: readonly NetworkAttachment[], reader: Pick<Reader, "get">) =>
  attachments.flatMap(({ networkId, address }) => {
    const network = reader.get("network", networkId);
    return network ? [{ Network: renderTaskNetwork(network), ...(address && { Addresses: [address] }) }] : [];
  });

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
