import type { NetworkId } from "@skep/model";
import type { Sandbox } from "@skep/network";
import type { ContainerRecord, RecordedInterface } from "./container-record.ts";

/**
 * A started container's place in the networks. `interfaces` are the record's own, or those allocated to a container made
 * by hand. There is a way out unless all its networks are internal and it publishes nothing.
 */
export function sandboxOf(
  record: ContainerRecord,
  pid: number,
  interfaces: readonly RecordedInterface[],
  isInternal: (networkId: NetworkId) => boolean,
): Sandbox {
  return {
    containerId: record.containerId,
    pid,
    interfaces,
    gateway: gatewayOf(record, interfaces, isInternal),
    hostPorts: record.hostPorts,
    names: { servers: record.servers, ...(record.ndots !== undefined && { ndots: record.ndots }) },
  };
}

function gatewayOf(
  { ingress, hostPorts }: ContainerRecord,
  interfaces: readonly RecordedInterface[],
  isInternal: (networkId: NetworkId) => boolean,
): Sandbox["gateway"] {
  if (ingress) return { taskId: ingress.taskId, address: ingress.address };
  const [first] = interfaces;
  const goesOut = hostPorts.length > 0 || interfaces.some(({ networkId }) => !isInternal(networkId));
  return first && goesOut ? { taskId: first.taskId } : undefined;
}
