import type { NetworkProblem, NetworkRecord, NodeId, PublishedPort, RecordKey, TakenPort } from "@skep/model";
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
  /** The sandboxes that are attached now. */
  readonly sandboxes: ReadonlyMap<string, Sandbox>;
  /** What attaching a container came to, as long as it is attached. */
  attached(containerId: string): Attached | undefined;
  /** Compares everything with the kernel and repairs what differs; resolves with what it repaired, as `ip` and `nft` commands. */
  repair(): Promise<readonly string[]>;
  /** Ports that a process other than this one listens on, in the node's own namespace. */
  probePorts(ports: readonly Pick<PublishedPort, "protocol" | "published">[]): Promise<readonly TakenPort[]>;
  /** The node leaves its swarm: nothing of skep stays in the kernel. */
  removeEverything(): Promise<void>;
}
