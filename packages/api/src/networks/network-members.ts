import { createHash } from "node:crypto";
import { endpointRecord, peerRecord, serviceRecord } from "@skep/manager";
import {
  bare,
  type EndpointRecord,
  type EndpointState,
  isHidden,
  type Network,
  type NetworkId,
  type NodeId,
  type PeerRecord,
  type PublishedPort,
  type ServiceRecord,
  type Task,
  type TaskId,
} from "@skep/model";
import type { Reader } from "@skep/store";
import type { NodeNetworks } from "../node-networks.ts";

/** Who is on a network, by name. */
export interface NetworkMembers {
  readonly services: readonly MemberService[];
  readonly endpoints: readonly MemberEndpoint[];
}

export interface MemberService {
  readonly name: string;
  /** Bare; absent with dnsrr. */
  readonly vip?: string;
  /** On the ingress network only. */
  readonly ports: readonly PublishedPort[];
}

export interface MemberEndpoint {
  readonly taskId: TaskId;
  /** The container's name. */
  readonly name: string;
  /** Empty for containers attached by hand. */
  readonly service: string;
  readonly nodeId: NodeId;
  /** Where its node's overlays are reached. */
  readonly nodeAddress: string;
  /** Bare. */
  readonly address: string;
  readonly state: EndpointState;
}

/** The id the Engine API gives an endpoint: the same from every node, without being stored anywhere. */
export const endpointIdOf = (taskId: TaskId, networkId: NetworkId): string =>
  createHash("sha256").update(`${networkId}/${taskId}`).digest("hex");

interface Records {
  readonly services: readonly ServiceRecord[];
  readonly endpoints: readonly EndpointRecord[];
  readonly peers: readonly PeerRecord[];
}

/** Managers tell all, whatever runs on their own node. */
export function membersInStore(reader: Reader, networkId: NetworkId, ingress: boolean): NetworkMembers {
  const networkIdOf = (target: string) => networkNamed(reader, target)?.id;
  const nodes = [...reader.all("node")];
  const nodeOf = new Map(nodes.map((node) => [node.id, node]));
  const tasks = [...reader.all("task")].filter((task) => isOn(task, networkId));
  const records: Records = {
    services: [...reader.all("service")].flatMap((service) => serviceRecord(service, networkIdOf) ?? []),
    endpoints: tasks.flatMap((task) => endpointRecord(task, task.nodeId && nodeOf.get(task.nodeId)) ?? []),
    peers: nodes.flatMap((node) => peerRecord(node) ?? []),
  };
  return membersIn(records, networkId, ingress);
}

export const membersKnownTo = (node: NodeNetworks, networkId: NetworkId, ingress: boolean): NetworkMembers =>
  membersIn({ services: node.services(), endpoints: node.endpoints(), peers: node.peers() }, networkId, ingress);

/** Specs name networks by their ids; older ones by their names. */
const networkNamed = (reader: Reader, target: string): Network | undefined =>
  reader.get("network", target) ?? reader.find("network", "name", target).find((network) => !isHidden(network));

const isOn = ({ networks = [] }: Pick<Task, "networks">, networkId: NetworkId): boolean =>
  networks.some((attachment) => attachment.networkId === networkId);

function membersIn({ services, endpoints, peers }: Records, networkId: NetworkId, ingress: boolean): NetworkMembers {
  const serviceNames = new Map<string, string>(services.map(({ id, name }) => [id, name]));
  const addresses = new Map<string, string>(peers.map(({ id, address }) => [id, address]));
  return {
    services: services.flatMap((service) => memberService(service, networkId, ingress)).sort(byName),
    endpoints: endpoints
      .flatMap(({ id, name, serviceId, nodeId, state, networks }): MemberEndpoint[] => {
        const address = networks.find((each) => each.networkId === networkId)?.address;
        if (address === undefined) return [];
        const service = serviceId === undefined ? "" : (serviceNames.get(serviceId) ?? withoutTask(name));
        const nodeAddress = addresses.get(nodeId) ?? "";
        return [{ taskId: id, name, service, nodeId, nodeAddress, address: bare(address), state }];
      })
      .sort(byName),
  };
}

function memberService(
  { name, networks, ports }: ServiceRecord,
  networkId: NetworkId,
  ingress: boolean,
): MemberService[] {
  const on = networks.find((each) => each.networkId === networkId);
  return on ? [{ name, ports: ingress ? ports : [], ...(on.vip !== undefined && { vip: on.vip }) }] : [];
}

/** `web.1.<task id>`: the service is gone already, its task not yet. */
const withoutTask = (name: string): string => name.split(".")[0] ?? "";
const byName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
