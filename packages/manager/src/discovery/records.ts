import {
  bare,
  compareTaskStates,
  type EndpointRecord,
  type EndpointState,
  expandTemplate,
  isAttachment,
  isIngress,
  isPredefined,
  isTerminal,
  type Network,
  type NetworkAttachmentConfig,
  type NetworkId,
  type Node,
  networkOption,
  type OverlayRecord,
  type PeerRecord,
  type PortConfig,
  type PublishedPort,
  type Service,
  type ServiceRecord,
  type Task,
  taskName,
  templateContext,
} from "@skep/model";

// What nodes are told of the swarm's objects. Each is a pure function of what is stored; undefined: no node needs it.

/** One that was removed is there as long as anything is on it. */
export function overlayRecord(network: Network): OverlayRecord | undefined {
  if (isPredefined(network) || network.releasedAt !== undefined) return undefined;
  const { id, createdAt, spec, vni, subnets } = network;
  const mtu = Number(spec.Options?.[networkOption.mtu]);
  return {
    kind: "network",
    id,
    name: spec.Name,
    vni,
    subnets,
    internal: spec.Internal === true,
    ingress: isIngress({ spec }),
    attachable: spec.Attachable === true,
    ...(mtu > 0 && { mtu }),
    createdAt,
    ...(spec.Labels && { labels: spec.Labels }),
  };
}

/** A node that is only silent keeps its place until it is given up. */
export const peerRecord = ({ id, dataPath, description, status }: Node): PeerRecord | undefined =>
  dataPath && {
    kind: "peer",
    id,
    hostname: description?.Hostname ?? "",
    address: dataPath.address,
    index: dataPath.index,
    down: status.state === "down",
  };

/** `networkIdOf` finds a network by what a spec calls it, its id or its name. */
export function serviceRecord(
  { id, spec, endpoint }: Service,
  networkIdOf: (target: string) => NetworkId | undefined,
): ServiceRecord | undefined {
  const configs = new Map<NetworkId, NetworkAttachmentConfig>();
  for (const config of spec.TaskTemplate.Networks ?? spec.Networks ?? []) {
    const networkId = networkIdOf(config.Target ?? "");
    if (networkId) configs.set(networkId, config);
  }
  const vips = new Map(endpoint.virtualIps?.map(({ networkId, address }) => [networkId, address]));
  const networkIds = [...new Set([...vips.keys(), ...configs.keys()])];
  if (networkIds.length === 0) return undefined;
  return {
    kind: "service",
    id,
    name: spec.Name ?? "",
    mode: (endpoint.spec ?? spec.EndpointSpec)?.Mode ?? "vip",
    networks: networkIds.map((networkId) => {
      const vip = vips.get(networkId);
      return { networkId, ...(vip && { vip: bare(vip) }), aliases: configs.get(networkId)?.Aliases ?? [] };
    }),
    ports: (endpoint.ports ?? [])
      .filter(({ PublishMode, PublishedPort }) => PublishMode !== "host" && PublishedPort)
      .flatMap(publishedPort),
  };
}

/**
 * `node` is the task's; a host name with a template may show it. What was attached by hand is named as its container,
 * in the place of a service.
 */
export function endpointRecord(task: Task, node: Node | undefined): EndpointRecord | undefined {
  const { id, nodeId, status } = task;
  if (!nodeId || compareTaskStates(status.state, "assigned") < 0 || isTerminal(status.state)) return undefined;
  const byHand = isAttachment(task);
  const networks = (task.networks ?? []).flatMap(({ networkId, address, aliases }) =>
    address === undefined ? [] : [{ networkId, address, aliases: byHand ? aliases : [] }],
  );
  const hostPorts = (task.endpointSpec?.Ports ?? []).filter(({ PublishMode }) => PublishMode === "host");
  if (networks.length === 0 && hostPorts.length === 0) return undefined;
  const hostname = hostnameOf(task, node);
  const containerId = status.container?.id ?? task.spec.NetworkAttachmentSpec?.ContainerID;
  return {
    kind: "endpoint",
    id,
    name: byHand ? task.serviceName : taskName(task),
    ...(!byHand && { serviceId: task.serviceId }),
    nodeId,
    state: endpointState(task),
    ...(hostname && { hostname }),
    ...(containerId && { containerId }),
    networks,
    hostPorts: hostPorts.flatMap(publishedPort),
  };
}

/** Its record depends on the node it is on. */
export const hasTemplate = ({ spec }: Pick<Task, "spec">): boolean =>
  spec.ContainerSpec?.Hostname?.includes("{{") === true;

function endpointState({ status, desiredState, withdrawn }: Task): EndpointState {
  if (status.state !== "running") return "starting";
  return desiredState === "running" && !withdrawn ? "ready" : "draining";
}

/** Undefined also when the template is no good: its node then rejects the task, and says why. */
function hostnameOf(task: Task, node: Node | undefined): string | undefined {
  const hostname = task.spec.ContainerSpec?.Hostname;
  if (hostname === undefined || !hasTemplate(task)) return hostname;
  if (!node?.description) return undefined;
  try {
    return expandTemplate(hostname, templateContext(task, node.description));
  } catch {
    return undefined;
  }
}

const publishedPort = ({ Protocol, PublishedPort, TargetPort }: PortConfig): PublishedPort[] =>
  TargetPort ? [{ protocol: Protocol ?? "tcp", published: PublishedPort ?? 0, target: TargetPort }] : [];
