import type { Operator } from "../operator.ts";

// What the API says of the swarm, as far as the data plane depends on it.

export interface SwarmState {
  /** The store's, before and after the rest was read. */
  readonly revision: number;
  readonly nodes: readonly NodeView[];
  readonly services: readonly ServiceView[];
  readonly networks: readonly NetworkView[];
  /** Nobody is shown them, but nodes have them until those that are away have let go of what they had there. */
  readonly removedNetworks: readonly RemovedNetwork[];
  readonly tasks: readonly NetworkTask[];
  readonly progress: NetworkStatusView;
}

export interface NodeView {
  readonly ID: string;
  readonly Description: { readonly Hostname: string };
  readonly Spec: { readonly Availability: string };
  readonly Status: { readonly State: string; readonly Addr: string };
}

export interface PortView {
  readonly Protocol: string;
  readonly TargetPort: number;
  readonly PublishedPort: number;
  readonly PublishMode: string;
}

export interface ServiceView {
  readonly ID: string;
  readonly Spec: {
    readonly Name: string;
    readonly Mode: { readonly Replicated?: { readonly Replicas: number } };
    readonly EndpointSpec?: { readonly Mode?: string };
    readonly TaskTemplate: { readonly ContainerSpec: { readonly Env?: readonly string[] } };
  };
  readonly Endpoint: {
    readonly Ports?: readonly PortView[];
    readonly VirtualIPs?: readonly { readonly NetworkID: string; readonly Addr?: string }[];
  };
  readonly UpdateStatus?: { readonly State: string };
}

export interface NetworkView {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Internal: boolean;
  readonly Ingress: boolean;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string; readonly Gateway: string }[] | null };
  readonly Options?: Readonly<Record<string, string>> | null;
}

export interface NetworkTask {
  readonly ID: string;
  readonly ServiceID: string;
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: {
    readonly State: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID: string; readonly PID?: number };
  };
  readonly NetworksAttachments?: readonly {
    readonly Network: { readonly ID: string };
    readonly Addresses?: readonly string[];
  }[];
}

interface RemovedNetwork {
  readonly ID: string;
  readonly Name: string;
  readonly Subnets: readonly string[];
}

interface NetworkStatusView {
  readonly Revision: number;
  readonly Networks: readonly {
    readonly ID: string;
    readonly Name: string;
    readonly VNI: number;
    readonly Revision: number;
    readonly Nodes: readonly {
      readonly Hostname: string;
      readonly Connected: boolean;
      readonly UpToDate: boolean;
      readonly LagMs: number;
      readonly Problems: readonly string[];
    }[];
  }[];
}

/** All of it as at one revision; undefined when something was written meanwhile. */
export async function readSwarm(swarm: Operator): Promise<SwarmState | undefined> {
  const before = await swarm.api<NetworkStatusView>("/skep/network/status");
  const [nodes, services, networks, tasks] = await Promise.all([
    swarm.api<NodeView[]>("/v1.41/nodes"),
    swarm.api<ServiceView[]>("/v1.41/services"),
    swarm.api<NetworkView[]>("/v1.41/networks?filters=%7B%22driver%22%3A%5B%22overlay%22%5D%7D"),
    swarm.api<NetworkTask[]>("/v1.41/tasks"),
  ]);
  const local = await swarm.api<{ readonly Networks: readonly RemovedNetwork[] }>("/skep/network/local");
  const progress = await swarm.api<NetworkStatusView>("/skep/network/status");
  if (before.Revision !== progress.Revision) return undefined;
  const removedNetworks = local.Networks.filter(({ ID }) => !networks.some(({ Id }) => Id === ID));
  return { revision: before.Revision, nodes, services, networks, removedNetworks, tasks, progress };
}

const ended = new Set(["complete", "shutdown", "failed", "rejected", "remove", "orphaned"]);
const assigned = new Set(["assigned", "accepted", "preparing", "ready", "starting", "running"]);

export const hasEnded = ({ Status }: NetworkTask): boolean => ended.has(Status.State);

/** Given to a node, and not over: it may have a container, and has its addresses. */
export const isPlaced = ({ NodeID, Status }: NetworkTask): boolean =>
  NodeID !== undefined && assigned.has(Status.State);

/** Why the swarm has not come to rest yet; undefined when it has. `away`: host names of nodes that cannot be reached. */
export function unrest(state: SwarmState, away: ReadonlySet<string>): string | undefined {
  for (const { Description, Status } of state.nodes) {
    const wanted = away.has(Description.Hostname) ? "down" : "ready";
    if (Status.State !== wanted) return `${Description.Hostname} is ${Status.State}`;
  }
  const [removed] = state.removedNetworks;
  if (removed && away.size === 0) return `${removed.Name} is being removed`;
  const reachable = new Set(state.nodes.filter((node) => !away.has(node.Description.Hostname)).map(({ ID }) => ID));
  for (const task of state.tasks) {
    const is = `task ${task.ID} of ${task.ServiceID} shall be ${task.DesiredState} and is ${task.Status.State}`;
    if (task.DesiredState === "running" && task.Status.State !== "running" && !task.Status.Err) return is;
    const mayEnd = task.NodeID === undefined || reachable.has(task.NodeID);
    if (task.DesiredState !== "running" && mayEnd && !hasEnded(task)) return is;
  }
  for (const { ID, Spec, UpdateStatus } of state.services) {
    const wanted = Spec.Mode.Replicated?.Replicas ?? reachable.size;
    const there = state.tasks.filter((task) => task.ServiceID === ID && task.DesiredState === "running");
    if (there.length !== wanted) return `${Spec.Name} has ${there.length} of ${wanted} tasks`;
    if (UpdateStatus?.State === "updating") return `${Spec.Name} is updating`;
  }
  for (const { Name, Nodes } of state.progress.Networks) {
    for (const { Hostname, Connected, UpToDate, LagMs } of Nodes) {
      if (away.has(Hostname)) continue;
      if (!Connected || !UpToDate || LagMs > 0) return `${Hostname} is behind on ${Name}`;
    }
  }
  return undefined;
}
