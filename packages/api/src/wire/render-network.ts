import { type Network, networkOption, type OverlayRecord, type Subnet } from "@skep/model";

/** What `GET /networks` shows of a network of the swarm; a manager has all of it, other nodes what they were told. */
export type ShownNetwork = Pick<Network, "id" | "spec" | "createdAt" | "subnets"> & { readonly vni?: number };

/** What a node can add of its own. */
export interface LocalUse {
  readonly containers: Readonly<Record<string, RenderedContainer>>;
  readonly peers: readonly { readonly Name: string; readonly IP: string }[];
}

export interface RenderedContainer {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

/** A network as the Engine API shows it; of the engine's own ones, only what is read of them here. */
export interface NetworkResource {
  readonly Name: string;
  readonly Id: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

export interface RenderNetworkOptions {
  /** Absent where no container of this node is on the network. */
  readonly local?: LocalUse | undefined;
  /** API 1.48 and newer say so. */
  readonly withIPv4?: boolean;
}

/** In the words and the order of the engine; a node that uses the network shows empty maps where others show null. */
export function renderNetwork(network: ShownNetwork, { local, withIPv4 = false }: RenderNetworkOptions = {}) {
  const { id, spec, createdAt } = network;
  return {
    Name: spec.Name,
    Id: id,
    Created: createdAt,
    Scope: "swarm",
    Driver: driverOf(network),
    ...(withIPv4 && { EnableIPv4: true }),
    EnableIPv6: spec.EnableIPv6 ?? false,
    IPAM: renderIpam(network),
    Internal: spec.Internal ?? false,
    Attachable: spec.Attachable ?? false,
    Ingress: spec.Ingress ?? false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: local ? local.containers : null,
    Options: optionsOf(network),
    Labels: labelsOf(network, local !== undefined),
    ...(local && local.peers.length > 0 && { Peers: local.peers }),
  };
}

/** As the data plane's record of it has it, for nodes that know no more. */
export const shownOverlay = (record: OverlayRecord): ShownNetwork => ({
  id: record.id,
  createdAt: record.createdAt ?? neverTold,
  vni: record.vni,
  subnets: record.subnets,
  spec: {
    Name: record.name,
    ...(record.labels && { Labels: record.labels }),
    Driver: "overlay",
    Scope: "swarm",
    Internal: record.internal,
    Attachable: record.attachable,
    Ingress: record.ingress,
    ...(record.mtu !== undefined && { Options: { [networkOption.mtu]: String(record.mtu) } }),
  },
});

/** Go's zero time: clients refuse an empty one. */
const neverTold = "0001-01-01T00:00:00Z";

export const driverOf = ({ spec }: Pick<ShownNetwork, "spec">): string => spec.Driver || "overlay";

/** The engine's own drivers allocate nothing in the swarm. */
export const isAllocated = ({ subnets }: Pick<ShownNetwork, "subnets">): boolean => subnets.length > 0;

/** What the operator gave and what was allocated; null when there is nothing. */
export function optionsOf({ spec, vni }: ShownNetwork): Readonly<Record<string, string>> | null {
  const options = { ...spec.Options, ...(vni ? { [networkOption.vni]: String(vni) } : {}) };
  return Object.keys(options).length > 0 ? options : null;
}

export const renderSubnet = ({ subnet, range, gateway }: Subnet) => ({
  Subnet: subnet,
  ...(range !== undefined && { IPRange: range }),
  Gateway: gateway,
});

function renderIpam(network: ShownNetwork) {
  const { IPAM: ipam } = network.spec;
  return {
    Driver: isAllocated(network) ? ipam?.Driver || "default" : "",
    Options: ipam?.Options ?? null,
    Config: network.subnets.map((subnet, at) => ({
      ...renderSubnet(subnet),
      ...(ipam?.Config?.[at]?.AuxiliaryAddresses && { AuxiliaryAddresses: ipam.Config[at].AuxiliaryAddresses }),
    })),
  };
}

function labelsOf({ spec }: ShownNetwork, used: boolean): Readonly<Record<string, string>> | null {
  const labels = spec.Labels ?? {};
  return used || Object.keys(labels).length > 0 ? labels : null;
}
