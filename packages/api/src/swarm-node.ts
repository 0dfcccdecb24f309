import type { Readable } from "node:stream";
import type { ControlContext, NetworkProgress } from "@skep/manager";
import type { Availability, ClusterSpec, LogOptions, NodeId, Task } from "@skep/model";
import type { Store } from "@skep/store";
import type { NodeNetworks } from "./node-networks.ts";

/** What the API needs to know of this node's place in the swarm; `daemon` provides it. */
export interface SwarmNode {
  status(): SwarmStatus;
  /** The control plane, when this node is a manager and it is up. */
  manager(): ManagerAccess | undefined;
  /** What this node itself knows of the swarm's networks, while it is in a swarm. */
  networks(): NodeNetworks | undefined;
  init(request: InitRequest): Promise<NodeId>;
  join(request: JoinSwarmRequest): Promise<void>;
  leave(force: boolean): Promise<void>;
}

export interface ManagerAccess {
  readonly store: Store;
  /** What control calls share with the rest of the control plane. */
  readonly control: ControlContext;
  /** The raw log stream of one task: Docker's multiplexed frames, or raw bytes with a TTY. Rejects when its node is away. */
  taskLogs(task: Task, options: LogOptions, signal: AbortSignal): Promise<Readable>;
  /** How far each node's kernel is with the networks, as it has told the managers. */
  networkProgress(): NetworkProgress;
  /** Replaces a join token's secret; resolves when it is stored. */
  rotateJoinToken(role: "worker" | "manager"): Promise<void>;
}

export interface SwarmStatus {
  readonly state: "inactive" | "pending" | "active" | "error" | "locked";
  readonly role?: "worker" | "manager";
  readonly nodeId?: NodeId;
  readonly nodeAddr?: string;
  readonly error?: string;
  readonly remoteManagers?: readonly { readonly nodeId: NodeId; readonly addr: string }[];
}

/** Bodies of `POST /swarm/init` and `/swarm/join`, checked by `api` as far as it can without touching the node. */
export interface InitRequest {
  readonly listenAddr: string;
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  readonly dataPathPort: number;
  readonly defaultAddrPool: readonly string[];
  readonly subnetSize: number;
  readonly forceNewCluster: boolean;
  readonly availability: Availability;
  /** Defaults filled in. */
  readonly spec: ClusterSpec;
}

export interface JoinSwarmRequest {
  readonly listenAddr: string;
  readonly advertiseAddr: string;
  readonly dataPathAddr: string;
  readonly remoteAddrs: readonly string[];
  readonly joinToken: string;
  readonly availability: Availability;
}
