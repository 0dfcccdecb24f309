import type { NetworkId, NodeId, ServiceId, TaskId } from "./ids.ts";
import type { Labels } from "./meta.ts";
import type { Subnet } from "./network.ts";

// What a node's data plane has to know of the swarm: a set of records, each whole, each a function of the store at a
// revision. A node is sent every `network` and `peer`, and the services and endpoints of the networks it has tasks on;
// those of the ingress network always. Its nftables, routes and DNS answers are a function of these records alone.

export type NetworkRecord = OverlayRecord | PeerRecord | ServiceRecord | EndpointRecord;

export interface OverlayRecord {
  readonly kind: "network";
  readonly id: NetworkId;
  readonly name: string;
  readonly vni: number;
  readonly subnets: readonly Subnet[];
  readonly internal: boolean;
  readonly ingress: boolean;
  readonly attachable: boolean;
  /** Of interfaces in containers, when the operator chose it. */
  readonly mtu?: number;
  /** For `docker network ls` and `inspect` on workers; the data plane has no use for it. */
  readonly createdAt?: string;
  /** Likewise. */
  readonly labels?: Labels;
}

/** A node of the swarm, this one too. */
export interface PeerRecord {
  readonly kind: "peer";
  readonly id: NodeId;
  readonly hostname: string;
  readonly address: string;
  readonly index: number;
  /** The manager has given it up: nothing is sent to its endpoints. */
  readonly down: boolean;
}

export interface ServiceRecord {
  readonly kind: "service";
  readonly id: ServiceId;
  readonly name: string;
  readonly mode: "vip" | "dnsrr";
  /** The ingress network is among them when it publishes ports there. */
  readonly networks: readonly {
    readonly networkId: NetworkId;
    /** Bare; absent with dnsrr, and while none could be allocated. */
    readonly vip?: string;
    readonly aliases: readonly string[];
  }[];
  /** Published on every node. */
  readonly ports: readonly PublishedPort[];
}

export type TransportProtocol = "tcp" | "udp" | "sctp";

export interface PublishedPort {
  readonly protocol: TransportProtocol;
  readonly published: number;
  readonly target: number;
}

/**
 * - `starting`: its address is routed, nobody is sent to it yet
 * - `ready`: balancers and DNS answers have it
 * - `draining`: no new connections; established ones go on
 */
export type EndpointState = "starting" | "ready" | "draining";

/** A task, or a container attached by hand, from its assignment to its end. */
export interface EndpointRecord {
  readonly kind: "endpoint";
  readonly id: TaskId;
  /** The container's name, `web.1.<task id>`. */
  readonly name: string;
  /** Absent for containers attached by hand. */
  readonly serviceId?: ServiceId;
  readonly nodeId: NodeId;
  readonly state: EndpointState;
  /** Further names that are only this endpoint's: the host name its spec gives it. */
  readonly hostname?: string;
  /** 64 hex digits; names are looked up by the first 12. Known once the container exists. */
  readonly containerId?: string;
  /** In the order of the container's interfaces. */
  readonly networks: readonly {
    readonly networkId: NetworkId;
    /** With the subnet's length. */
    readonly address: string;
    /** Names of this endpoint alone, of `docker run --network-alias`. */
    readonly aliases: readonly string[];
  }[];
  /** Published on its node only. `published` 0 lets the node choose. */
  readonly hostPorts: readonly PublishedPort[];
}

/** `kind/id`: unique among all records. */
export type RecordKey = `${NetworkRecord["kind"]}/${string}`;

export const recordKey = (record: Pick<NetworkRecord, "kind" | "id">): RecordKey => `${record.kind}/${record.id}`;

/** The networks a record is about. */
export function networkIdsOf(record: NetworkRecord): readonly NetworkId[] {
  switch (record.kind) {
    case "network":
      return [record.id];
    case "peer":
      return [];
    case "service":
    case "endpoint":
      return record.networks.map(({ networkId }) => networkId);
  }
}

/**
 * Whether a node keeps a record, given the ids of the networks it has: those of its own endpoints, and the ingress
 * network. A manager tells a node no more of networks that it has left: it drops by itself, after every message, what
 * it does not need any more, and does not keep what it does not need yet. Messages are so made that what a node begins
 * to need comes with its own endpoint that is the reason, or after it.
 */
export const isNeeded = (
  record: NetworkRecord,
  nodeId: NodeId,
  networks: Pick<ReadonlySet<NetworkId>, "has">,
): boolean =>
  record.kind === "network" ||
  record.kind === "peer" ||
  (record.kind === "endpoint" && record.nodeId === nodeId) ||
  networkIdsOf(record).some((networkId) => networks.has(networkId));
