import type {
  EndpointRecord,
  NetworkId,
  NetworkProblem,
  OverlayRecord,
  PeerRecord,
  PublishedPort,
  ServiceRecord,
} from "@skep/model";

/** The swarm's networks as this node's data plane has them; `daemon` provides it. Answers are plain data of that moment. */
export interface NodeNetworks {
  /** The store's revision that this node's kernel has; 0 before the first. */
  readonly revision: number;
  overlays(): readonly OverlayRecord[];
  /** Every node of the swarm, this one too. */
  peers(): readonly PeerRecord[];
  /** Of the networks this node has containers on, and of the ingress network. */
  services(): readonly ServiceRecord[];
  endpoints(): readonly EndpointRecord[];
  /** The containers of this node that are on a network now. */
  endpointsOn(networkId: NetworkId): readonly LocalEndpoint[];
  /** What the data plane could not carry out. */
  problems(): readonly NetworkProblem[];
  /** There are containers here that skep attaches. */
  readonly attachesAny: boolean;
  /** A container that skep attaches, running or not; undefined for all others. */
  container(containerId: string): AttachedContainer | undefined;
  /** All containers that are attached now. */
  sandboxes(): readonly LocalSandbox[];
  /** Attaches containers by hand; absent where this node cannot. */
  readonly containers?: ContainerNetworks;
}

/** A container's interface on one network. */
export interface LocalEndpoint {
  /** 64 hex digits. */
  readonly containerId: string;
  /** The container's name, without a slash. */
  readonly name: string;
  /** See `endpointIdOf`. */
  readonly endpointId: string;
  readonly mac: string;
  /** With the subnet's length. */
  readonly address: string;
}

export interface LocalSandbox {
  readonly containerId: string;
  readonly name: string;
  readonly interfaces: readonly {
    readonly networkId: NetworkId;
    readonly device: string;
    readonly address: string;
    readonly mac: string;
  }[];
  /** As given to the kernel. */
  readonly hostPorts: readonly PublishedPort[];
}

/** What `docker inspect` shows of a container's place in the swarm's networks. */
export interface AttachedContainer {
  readonly containerId: string;
  /** Parts of `HostConfig` as the operator gave them, where the engine was given something else. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly networks: readonly {
    readonly network: OverlayRecord;
    readonly aliases: readonly string[];
    /** Asked for by the operator. */
    readonly wanted?: string;
    /** While it runs. */
    readonly endpoint?: Pick<LocalEndpoint, "endpointId" | "mac" | "address">;
  }[];
  /** As given to the kernel while it runs, as asked for otherwise. */
  readonly ports: readonly PublishedPort[];
}

/** A container that an operator makes on networks of the swarm. */
export interface PlannedContainer {
  readonly name: string;
  /** Parts of `HostConfig` as the operator gave them, where the engine is given something else. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly networks: readonly {
    readonly networkId: NetworkId;
    readonly aliases: readonly string[];
    readonly address?: string;
  }[];
  readonly hostPorts: readonly PublishedPort[];
  readonly servers: readonly string[];
  readonly dnsOptions: readonly string[];
}

/** `POST /networks/{id}/connect` and `/disconnect` for networks of the swarm. Both throw `DomainError`. */
export interface ContainerNetworks {
  /** Part of the `HostConfig` with which the engine leaves a container's networks and names to skep. */
  hostConfig(dnsSearch: readonly string[], dnsOptions: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
  /** Remembers a container that was created like that, for its starts. */
  plan(containerId: string, planned: PlannedContainer): Promise<void>;
  connect(networkId: NetworkId, request: ConnectRequest): Promise<void>;
  disconnect(networkId: NetworkId, request: DisconnectRequest): Promise<void>;
  /**
   * For `connect` and `disconnect` of the engine's own networks. `change` is told whether the container is on the
   * engine's `none` because of skep, which must end before the engine connects it.
   */
  throughEngine(container: string, change: (isOnNone: boolean) => Promise<void>): Promise<void>;
}

export interface ConnectRequest {
  /** Id or name. */
  readonly container: string;
  /** Wanted, bare. */
  readonly address?: string;
  readonly aliases: readonly string[];
}

export interface DisconnectRequest {
  /** Id or name. */
  readonly container: string;
  /** Also when the container does not answer, or is gone. */
  readonly force: boolean;
}
