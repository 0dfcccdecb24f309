import type {
  NetworkId,
  NetworkProblem,
  NetworkRecord,
  NodeId,
  PublishedPort,
  RecordKey,
  TakenPort,
} from "@skep/model";
import type { Sandbox } from "./sandbox.ts";

/** Who this node is in the swarm. */
export interface NodeFacts {
  readonly nodeId: NodeId;
  /** UDP port of the overlays. */
  readonly dataPathPort: number;
}

/** What attaching a container came to. */
export interface Attached {
  readonly interfaces: readonly AttachedInterface[];
  /** As given to the kernel, free ports filled in. */
  readonly hostPorts: readonly PublishedPort[];
  readonly tookMs: number;
}

export interface AttachedInterface {
  /** The network's id; `gateway` for the interface that leads out. */
  readonly networkId: string;
  readonly device: string;
  readonly address: string;
  readonly mac: string;
}

/** What an operator may want to know of this node's data plane. */
export interface NetworkStatus {
  readonly revision: number;
  /** Those that exist on this node; the gateway router has no network. */
  readonly routers: readonly RouterStatus[];
  readonly problems: readonly NetworkProblem[];
  /** The latest first. */
  readonly repairs: readonly RepairStatus[];
}

export interface RouterStatus {
  /** Under `/run/netns`. */
  readonly namespace: string;
  readonly network: { readonly id: NetworkId; readonly name: string } | undefined;
  /** `differs`: not compared yet since skepd started, or a change failed. */
  readonly state: "as-recorded" | "differs";
  readonly containers: number;
  readonly endpoints: number;
  readonly services: number;
}

export interface RepairStatus {
  readonly atMs: number;
  /** What was done, as `ip` and `nft` commands. */
  readonly commands: readonly string[];
}

/** The data plane of this node: routers, balancers, mesh and names, kept equal to the records. */
export interface NodeNetwork extends AsyncDisposable {
  /** The records in place of all known ones. Resolves when kernel and DNS have them, with what could not be carried out. */
  replaceAll(revision: number, records: readonly NetworkRecord[]): Promise<readonly NetworkProblem[]>;
  /** Changes to the records; as above. Calls are carried out in the order in which they are made. */
  change(
    revision: number,
    put: readonly NetworkRecord[],
    remove: readonly RecordKey[],
  ): Promise<readonly NetworkProblem[]>;
  /** What this node knows of the swarm's networks, by `recordKey`; after a start those of the process before. */
  readonly records: ReadonlyMap<RecordKey, NetworkRecord>;
  /** The revision the kernel has; 0 before the first. */
  readonly revision: number;
  /**
   * Gives a container its interfaces, routes and names. Repeating it does nothing more; with other interfaces than
   * before it adds and removes the difference. Rejects with a `DomainError` that a container's start may be refused with.
   */
  attach(sandbox: Sandbox): Promise<Attached>;
  /** The container is gone, or leaves all networks. */
  detach(containerId: string): Promise<void>;
  /** As it is attached now; undefined when it is not. */
  sandbox(containerId: string): Sandbox | undefined;
  /** All that are attached now, by container: a copy. */
  readonly sandboxes: ReadonlyMap<string, Sandbox>;
  /** What attaching a container came to, as long as it is attached. */
  attached(containerId: string): Attached | undefined;
  /** Compares everything with the kernel and repairs what differs; resolves with what it repaired, as `ip` and `nft` commands. */
  repair(): Promise<readonly string[]>;
  /** Ports that a process other than this one listens on, in the node's own namespace. */
  probePorts(ports: readonly Pick<PublishedPort, "protocol" | "published">[]): Promise<readonly TakenPort[]>;
  /** What the path to a peer takes, as found by trying; undefined: what the device does. */
  setPathMtu(peer: NodeId, bytes: number | undefined): Promise<void>;
  inspect(): NetworkStatus;
  /** The node leaves its swarm: nothing of skep stays in the kernel. */
  removeEverything(): Promise<void>;
}
