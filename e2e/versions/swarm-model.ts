import {
  isPlaced,
  type NetworkTask,
  type NetworkView,
  type NodeView,
  type PortView,
  type ServiceView,
  type SwarmState,
} from "./swarm-state.ts";

export const bare = (address: string) => address.replace(/\/.*/, "");

/** Addresses that only their node knows are told by their rank: nobody else gave them out. */
export const egress = (rank: number) => `egress-${rank}`;

/** What follows from the API's answers for tasks, services and networks. */
export class SwarmModel {
  readonly state: SwarmState;
  readonly nodes: ReadonlyMap<string, NodeView>;
  readonly ingress: NetworkView;
  readonly placed: readonly NetworkTask[];
  readonly #networks: ReadonlyMap<string, NetworkView>;

  constructor(state: SwarmState) {
    this.state = state;
    this.nodes = new Map(state.nodes.map((node) => [node.ID, node]));
    this.#networks = new Map(state.networks.map((network) => [network.Id, network]));
    const ingress = state.networks.find(({ Ingress }) => Ingress);
    if (!ingress) throw new Error("no ingress network");
    this.ingress = ingress;
    this.placed = state.tasks.filter(isPlaced);
  }

  /** Also of networks that are on their way out: nobody else is to have them until then. */
  subnets(): string[] {
    const { networks, removedNetworks } = this.state;
    return [...networks.map(subnetOf), ...removedNetworks.flatMap(({ Subnets }) => Subnets)];
  }

  /** The ports of the routing mesh. */
  published() {
    return this.state.services.flatMap((service) =>
      (service.Endpoint.Ports ?? [])
        .filter(({ PublishMode }) => PublishMode === "ingress")
        .map((port) => ({ service, port })),
    );
  }

  hostPorts(task: NetworkTask): PortView[] {
    const service = this.state.services.find(({ ID }) => ID === task.ServiceID);
    return (service?.Endpoint.Ports ?? []).filter(({ PublishMode }) => PublishMode === "host");
  }

  servicesOn({ Id }: NetworkView): ServiceView[] {
    return this.state.services.filter((service) => {
      const targets = (service.Spec.TaskTemplate as { Networks?: readonly { Target: string }[] }).Networks ?? [];
      return targets.some(({ Target }) => Target === Id || Target === this.#networks.get(Id)?.Name);
    });
  }

  /** Sorted addresses of those to whom new connections go. */
  targets(service: ServiceView, { Id }: NetworkView): string[] {
    return this.placed
      .filter(({ ServiceID, DesiredState, Status, NodeID }) => {
        const isUp = this.nodes.get(NodeID ?? "")?.Status.State !== "down";
        return ServiceID === service.ID && DesiredState === "running" && Status.State === "running" && isUp;
      })
      .flatMap((task) => attachments(task).get(Id) ?? [])
      .sort();
  }

  /** Tasks of the node that have a container. */
  running(node: NodeView): NetworkTask[] {
    return this.placed.filter(({ NodeID, Status }) => NodeID === node.ID && Status.State === "running");
  }

  networksOn(node: NodeView): NetworkView[] {
    const here = new Set(
      this.placed.filter(({ NodeID }) => NodeID === node.ID).flatMap((task) => [...attachments(task).keys()]),
    );
    return this.state.networks.filter(({ Id, Ingress }) => here.has(Id) && !Ingress);
  }

  others(node: NodeView): NodeView[] {
    return [...this.nodes.values()].filter(({ ID }) => ID !== node.ID);
  }

  /** A task's address in the gateway router. */
  outside(node: NodeView, task: NetworkTask): string | undefined {
    const address = attachments(task).get(this.ingress.Id);
    if (address) return address;
    const rank = this.running(node)
      .filter((one) => this.#goesOut(one))
      .findIndex(({ ID }) => ID === task.ID);
    return rank < 0 ? undefined : egress(rank);
  }

  #goesOut(task: NetworkTask): boolean {
    const networks = attachments(task);
    if (networks.size === 0 || networks.has(this.ingress.Id)) return false;
    return [...networks.keys()].some((id) => !this.#networks.get(id)?.Internal) || this.hostPorts(task).length > 0;
  }

  name(networkId: string): string {
    return this.#networks.get(networkId)?.Name ?? networkId;
  }
}

export function attachments({ NetworksAttachments = [] }: NetworkTask): Map<string, string> {
  return new Map(
    NetworksAttachments.flatMap(({ Network, Addresses }) => (Addresses?.[0] ? [[Network.ID, bare(Addresses[0])]] : [])),
  );
}

export const subnetOf = ({ IPAM }: NetworkView) => IPAM.Config?.[0]?.Subnet ?? "";
export const gatewayOf = ({ IPAM }: NetworkView) => IPAM.Config?.[0]?.Gateway ?? "";

export const vipOf = ({ Endpoint }: ServiceView, { Id }: NetworkView) =>
  bare(Endpoint.VirtualIPs?.find(({ NetworkID }) => NetworkID === Id)?.Addr ?? "");
