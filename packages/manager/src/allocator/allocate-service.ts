import {
  type Address,
  bare,
  engineNetworkOf,
  type NetworkId,
  type PortConfig,
  type Service,
  type ServiceSpec,
} from "@skep/model";
import type { Reader, Transaction } from "@skep/store";
import { allocatePorts } from "./allocate-ports.ts";
import { claimAddress, releaseAddresses } from "./claim-address.ts";
import type { Ipam } from "./ipam.ts";
import { findNetwork, ingressNetwork, networkConfigs, usesIngress } from "./networks-of.ts";

type VirtualIp = NonNullable<Service["endpoint"]["virtualIps"]>[number];

/**
 * The service with the endpoint its spec asks for: virtual addresses and ports it has already stay its own, what it no
 * longer needs is released, what is missing is taken. What is not to be had is left open, and tried again later.
 */
export function allocateService(tx: Transaction, service: Service, ipam: Ipam, isHeld: PortTest = never): Service {
  const { spec } = service;
  const virtualIps = wantedNetworks(tx, spec).map((networkId) => virtualIp(tx, service, networkId, ipam));
  const kept = new Set(
    virtualIps.flatMap(({ networkId, address }) => (address ? [`${networkId}/${bare(address)}`] : [])),
  );
  releaseAddresses(tx, service.id, ({ id }: Address) => kept.has(id));
  const ports = allocatePorts(tx, service, isHeld);
  if (ports.length === 0 && virtualIps.length === 0) return { ...service, endpoint: {} };
  return {
    ...service,
    endpoint: {
      ...(spec.EndpointSpec && { spec: spec.EndpointSpec }),
      ...(ports.length > 0 && { ports }),
      ...(virtualIps.length > 0 && { virtualIps }),
    },
  };
}

/** Whether a process of a node has the port. */
export type PortTest = (port: { readonly protocol: string; readonly published: number }) => boolean;
const never: PortTest = () => false;

/** The ingress network first, the others in the order of the spec; none for a service that has no virtual addresses. */
function wantedNetworks(reader: Reader, spec: ServiceSpec): NetworkId[] {
  if (spec.EndpointSpec?.Mode === "dnsrr") return [];
  const ingress = usesIngress(spec.EndpointSpec) ? ingressNetwork(reader) : undefined;
  const named = networkConfigs(spec).map(({ Target = "" }) => findNetwork(reader, Target));
  return [...new Set([ingress, ...named].flatMap((network) => network?.id ?? []))];
}

function virtualIp(tx: Transaction, service: Service, networkId: NetworkId, ipam: Ipam): VirtualIp {
  if (engineNetworkOf(networkId)) return { networkId };
  const had = service.endpoint.virtualIps?.find((each) => each.networkId === networkId)?.address;
  const network = tx.get("network", networkId);
  if (had && isOwn(tx.get("address", `${networkId}/${bare(had)}`), service)) return { networkId, address: had };
  const claim = network && claimAddress(tx, network, { kind: "service", id: service.id }, ipam);
  return claim && "address" in claim ? { networkId, address: claim.address } : { networkId };
}

const isOwn = (address: Address | undefined, { id }: Service): boolean =>
  address?.owner.id === id && address.releasedAt === undefined;

/** What the service's endpoint still lacks, in the operator's words; undefined when it is complete. */
export function endpointProblem(reader: Reader, { spec, endpoint }: Service): string | undefined {
  for (const networkId of wantedNetworks(reader, spec)) {
    const has = endpoint.virtualIps?.find((each) => each.networkId === networkId)?.address;
    const name = reader.get("network", networkId)?.spec.Name;
    if (!has && !engineNetworkOf(networkId)) return `no virtual IP address is left for the service on network ${name}`;
  }
  return portProblem(spec, endpoint.ports ?? []);
}

/** A number that was chosen by the operator is missing when another service had taken it before a rollback. */
function portProblem({ EndpointSpec: endpoint }: ServiceSpec, ports: readonly PortConfig[]): string | undefined {
  const at = ports.findIndex((port) => port.PublishMode === "ingress" && !port.PublishedPort);
  const open = ports[at];
  if (!open) return undefined;
  const wanted = endpoint?.Ports?.[at]?.PublishedPort;
  if (wanted) return `port '${wanted}' is already in use by another service`;
  return `no published port is free for target port ${open.TargetPort}/${open.Protocol ?? "tcp"}`;
}
