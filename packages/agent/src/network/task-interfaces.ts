import { type ContainerSpec, type NetworkId, type PublishedPort, type Task, taskName } from "@skep/model";
import type { EngineFields } from "../task/engine-fields.ts";
import type { ContainerRecord, RecordedInterface } from "./container-record.ts";

type Ingress = (networkId: NetworkId) => boolean;

/** Whether the task's container is attached by skep rather than by the engine: it has an address of the swarm. */
export const isAttached = (task: Pick<Task, "networks">): boolean =>
  (task.networks ?? []).some(({ address }) => address !== undefined);

/** What is to be remembered of a task's container. */
export function recordOf(task: Task, spec: ContainerSpec, containerId: string, isIngress: Ingress): ContainerRecord {
  const all = (task.networks ?? []).flatMap(({ networkId, address }): RecordedInterface[] =>
    address === undefined ? [] : [{ taskId: task.id, networkId, address }],
  );
  const ingress = all.find(({ networkId }) => isIngress(networkId));
  return {
    containerId,
    name: taskName(task),
    taskId: task.id,
    interfaces: all.filter((one) => one !== ingress),
    ...(ingress && { ingress }),
    hostPorts: hostPortsOf(task),
    servers: spec.DNSConfig?.Nameservers ?? [],
    ...ndotsOf(spec.DNSConfig?.Options),
    asked: askedOf(task, spec),
  };
}

/** As Docker shows the containers of its tasks. */
function askedOf(task: Task, { DNSConfig: dns }: ContainerSpec): EngineFields {
  return {
    NetworkMode: "default",
    PortBindings: Object.fromEntries(
      hostPortsOf(task).map(({ protocol, published, target }) => [
        `${target}/${protocol}`,
        [{ HostIp: "", HostPort: published === 0 ? "" : String(published) }],
      ]),
    ),
    Dns: dns?.Nameservers ?? null,
    DnsSearch: dns?.Search ?? null,
    DnsOptions: dns?.Options ?? null,
  };
}

/** Of resolver options, `ndots:1`. */
export function ndotsOf(options: readonly string[] | undefined): Pick<ContainerRecord, "ndots"> {
  const value = options?.map((option) => /^ndots:(\d+)$/.exec(option)?.[1]).find((found) => found !== undefined);
  return value === undefined ? {} : { ndots: Number(value) };
}

/** Ports the task publishes on its own node only. */
export const hostPortsOf = (task: Pick<Task, "endpointSpec">): PublishedPort[] =>
  (task.endpointSpec?.Ports ?? [])
    .filter(({ PublishMode }) => PublishMode === "host")
    .map(({ Protocol = "tcp", PublishedPort = 0, TargetPort = 0 }) => ({
      protocol: Protocol,
      published: PublishedPort,
      target: TargetPort,
    }));
