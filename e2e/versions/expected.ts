import {
  isPlaced,
  type NetworkTask,
  type NetworkView,
  type NodeView,
  type PortView,
  type ServiceView,
  type SwarmState,
} from "./swarm-state.ts";

// What each node's kernel and resolver should hold, computed from the API's answers by the rules of docs/network.md. One
// line each, as `observed.ts` tells them.

const bare = (address: string) => address.replace(/\/.*/, "");
const hex = (address: string) =>
  bare(address)
    .split(".")
    .map((octet) => Number(octet).toString(16).padStart(2, "0"));
export const peerMac = (address: string) => ["02:58", ...hex(address)].join(":");
const containerMac = (address: string) => ["02:42", ...hex(address)].join(":");
const veth = (address: string) => `v${hex(address).join("")}`;
const routerMac = "02:53:00:00:00:01";

/** Addresses that only their node knows are told by their rank: nobody else gave them out. */
export const egress = (rank: number) => `egress-${rank}`;

export interface Question {
  readonly container: string;
  readonly task: string;
  readonly names: ReadonlyMap<string, readonly string[]>;
}

export class Expected {
  readonly #state: SwarmState;
  readonly #indices: ReadonlyMap<string, number>;
  readonly #networks: ReadonlyMap<string, NetworkView>;
  readonly #nodes: ReadonlyMap<string, NodeView>;
  readonly #ingress: NetworkView;
  readonly #placed: readonly NetworkTask[];

  /** `indices`: the index of each node in the mesh, by its address. */
  constructor(state: SwarmState, indices: ReadonlyMap<string, number>) {
    this.#state = state;
    this.#indices = indices;
    this.#networks = new Map(state.networks.map((network) => [network.Id, network]));
    this.#nodes = new Map(state.nodes.map((node) => [node.ID, node]));
    const ingress = state.networks.find(({ Ingress }) => Ingress);
    if (!ingress) throw new Error("no ingress network");
    this.#ingress = ingress;
    this.#placed = state.tasks.filter(isPlaced);
  }

  /** Addresses that are somebody's, `NETWORK ADDRESS`, as often as they are. */
  owned(): string[] {
    return [
      ...this.#placed.flatMap((task) =>
        [...attachments(task)].map(([network, address]) => `${this.#name(network)} ${address}`),
      ),
      ...this.#state.services.flatMap(({ Endpoint }) =>
        (Endpoint.VirtualIPs ?? []).flatMap(({ NetworkID, Addr }) =>
          Addr ? [`${this.#name(NetworkID)} ${bare(Addr)}`] : [],
        ),
      ),
      ...this.#state.networks.map((network) => `${network.Name} ${gatewayOf(network)}`),
    ];
  }

  lines(node: NodeView): string[] {
    return [
      ...this.#host(node),
      ...this.#gateway(node),
      ...this.#networksOn(node).flatMap((network) => this.#router(node, network)),
    ];
  }

  /** What to ask the resolver of one container of each network on the node. */
  questions(node: NodeView): Question[] {
    return this.#networksOn(node).flatMap((network) => {
      const task = this.#running(node).find((one) => attachments(one).has(network.Id));
      const container = task?.Status.ContainerStatus?.ContainerID;
      if (!task || !container) return [];
      const isOnly = [...attachments(task).keys()].filter((id) => id !== this.#ingress.Id).length === 1;
      const names = new Map<string, readonly string[]>();
      for (const service of this.#servicesOn(network)) {
        const { Name } = service.Spec;
        const targets = this.#targets(service, network);
        const vip = vipOf(service, network);
        for (const suffix of isOnly ? ["", `.${network.Name}`] : [`.${network.Name}`]) {
          names.set(`${Name}${suffix}`, vip ? [vip] : targets);
          names.set(`tasks.${Name}${suffix}`, targets);
        }
      }
      for (const { Spec, ...other } of this.#state.services) {
        const isHere = this.#servicesOn(network).some(({ ID }) => ID === other.ID);
        if (isOnly && !isHere) names.set(Spec.Name, ["unknown"]);
      }
      return [{ container, task: task.ID, names }];
    });
  }

  #host(node: NodeView): string[] {
    const line = (text: string) => `host ${text}`;
    const subnets = [...this.#state.networks.map(subnetOf), "100.66.0.0/16"];
    const hostPorts = this.#running(node).flatMap((task) => this.#hostPorts(task).map((port) => ({ task, port })));
    const inMesh = this.#published();
    const held = [...inMesh.map(({ port }) => port), ...hostPorts.map(({ port }) => port)];
    return [
      "link skep-up 02:54:00:00:00:01 up",
      "address skep-up 169.254.254.1/30",
      "neighbour 169.254.254.2 skep-up 02:54:00:00:00:02",
      `route ${subnetOf(this.#ingress)} via 169.254.254.2 dev skep-up`,
      "route 100.66.0.0/16 via 169.254.254.2 dev skep-up",
      ...["subnets", "ports", "held"].map((set) => `set ip skep ${set}`),
      "set ip skepraw peers",
      ...["mesh_pre", "mesh_out", "mesh_post", "forward", "input", "output"].map((chain) => `chain ip skep ${chain}`),
      ...["pre", "out"].map((chain) => `chain ip skepraw ${chain}`),
      ...subnets.map((subnet) => `element ip skep subnets ${subnet}`),
      ...[...this.#nodes.values()].map(({ Status }) => `element ip skepraw peers ${Status.Addr}`),
      ...held.map(({ Protocol, PublishedPort }) => `element ip skep held ${Protocol} . ${PublishedPort}`),
      ...inMesh.flatMap((one) => this.#portLines(one)),
      ...hostPorts.flatMap(({ task, port }) => hostPortLines("ports", port, this.#outside(node, task))),
    ].map(line);
  }

  #gateway(node: NodeView): string[] {
    const line = (text: string) => `skep-gw ${text}`;
    const others = this.#others(node);
    const inside = this.#running(node).flatMap((task) => this.#outside(node, task) ?? []);
    const index = (other: NodeView) => this.#indices.get(other.Status.Addr) ?? 0;
    const hostPorts = this.#running(node).flatMap((task) => this.#hostPorts(task).map((port) => ({ task, port })));
    return [
      ...["lo 00:00:00:00:00:00 up", "up0 02:54:00:00:00:02 up"].map((link) => `link ${link}`),
      this.#tunnel(node, this.#ingress),
      "address lo 127.0.0.1/8",
      "address lo 169.254.1.1/32",
      `address lo ${probe(index(node))}/32`,
      "address up0 169.254.254.2/30",
      "neighbour 169.254.254.1 up0 02:54:00:00:00:01",
      "route default via 169.254.254.1 dev up0",
      ...["hairpin", "nodeips", "peer", "pzone", "ports", "hostports"].map((set) => `set ip skep ${set}`),
      ...["peer_zone", "peer_mark", "peer_mark_out", "mesh_dnat", "mesh_snat", "forward", "input"].map(
        (chain) => `chain ip skep ${chain}`,
      ),
      ...[...this.#nodes.values()].map(({ Status }) => `element ip skep nodeips ${Status.Addr}`),
      ...others.flatMap((other) => {
        const { Addr } = other.Status;
        const table = 1000 + index(other);
        return [
          ...peerLines(other),
          `element ip skep peer ${peerMac(Addr)} : ${index(other)}`,
          `element ip skep pzone ${peerMac(Addr)} : ${index(other)}`,
          `route default via ${Addr} dev vx0 onlink table ${table}`,
          `rule ${table}: fwmark ${index(other)} lookup ${table}`,
          `route ${probe(index(other))} via ${Addr} dev vx0 onlink`,
        ];
      }),
      ...inside.flatMap(localLines),
      ...this.#remote(node, this.#ingress),
      ...this.#published().flatMap((one) => this.#portLines(one)),
      ...hostPorts.flatMap(({ task, port }) => hostPortLines("hostports", port, this.#outside(node, task))),
    ].map(line);
  }

  #router(node: NodeView, network: NetworkView): string[] {
    const line = (text: string) => `skep-${network.Id.slice(0, 12)} ${text}`;
    const local = this.#running(node).flatMap((task) => attachments(task).get(network.Id) ?? []);
    const members = this.#others(node).filter(({ ID }) =>
      this.#placed.some((task) => task.NodeID === ID && attachments(task).has(network.Id)),
    );
    return [
      "link lo 00:00:00:00:00:00 up",
      this.#tunnel(node, network),
      "address lo 127.0.0.1/8",
      `address lo ${gatewayOf(network)}/32`,
      `route unreachable ${subnetOf(network)}`,
      ...["hairpin", "vips", "svc"].map((set) => `set ip skep ${set}`),
      ...["vip_dnat", "nobackend", "vip_snat", "forward", "input"].map((chain) => `chain ip skep ${chain}`),
      ...members.flatMap(peerLines),
      ...local.flatMap(localLines),
      ...this.#remote(node, network),
      ...this.#servicesOn(network).flatMap((service) => {
        const vip = vipOf(service, network);
        if (!vip) return [];
        const chain = `svc_${vip.replaceAll(".", "_")}`;
        return [
          `element ip skep vips ${vip}`,
          `element ip skep svc ${vip} : goto ${chain}`,
          `balancer ip skep ${chain} → ${this.#targets(service, network).join(" ")}`,
        ];
      }),
    ].map(line);
  }

  #tunnel(node: NodeView, { Id }: NetworkView): string {
    const vni = this.#state.progress.Networks.find(({ ID }) => ID === Id)?.VNI;
    return `link vx0 ${peerMac(node.Status.Addr)} up vni ${vni} local ${node.Status.Addr}`;
  }

  #remote(node: NodeView, network: NetworkView): string[] {
    return this.#placed.flatMap((task) => {
      const address = attachments(task).get(network.Id);
      const there = this.#nodes.get(task.NodeID ?? "");
      if (!address || !there || there.ID === node.ID || there.Status.State === "down") return [];
      return [`route ${address} via ${there.Status.Addr} dev vx0 onlink`];
    });
  }

  #portLines({ service, port }: { readonly service: ServiceView; readonly port: PortView }): string[] {
    const { Protocol, PublishedPort, TargetPort } = port;
    const chain = `pub_${Protocol}_${PublishedPort}`;
    const targets = this.#targets(service, this.#ingress);
    return [
      `element ip skep ports ${Protocol} . ${PublishedPort} : goto ${chain}`,
      `balancer ip skep ${chain} → ${targets.map((target) => `${target}:${TargetPort}`).join(" ")}`,
    ];
  }

  #published() {
    return this.#state.services.flatMap((service) =>
      (service.Endpoint.Ports ?? [])
        .filter(({ PublishMode }) => PublishMode === "ingress")
        .map((port) => ({ service, port })),
    );
  }

  #hostPorts(task: NetworkTask): PortView[] {
    const service = this.#state.services.find(({ ID }) => ID === task.ServiceID);
    return (service?.Endpoint.Ports ?? []).filter(({ PublishMode }) => PublishMode === "host");
  }

  #servicesOn({ Id }: NetworkView): ServiceView[] {
    return this.#state.services.filter((service) => {
      const targets = (service.Spec.TaskTemplate as { Networks?: readonly { Target: string }[] }).Networks ?? [];
      return targets.some(({ Target }) => Target === Id || Target === this.#networks.get(Id)?.Name);
    });
  }

  /** Sorted addresses of those to whom new connections go. */
  #targets(service: ServiceView, { Id }: NetworkView): string[] {
    return this.#placed
      .filter(({ ServiceID, DesiredState, Status, NodeID }) => {
        const isUp = this.#nodes.get(NodeID ?? "")?.Status.State !== "down";
        return ServiceID === service.ID && DesiredState === "running" && Status.State === "running" && isUp;
      })
      .flatMap((task) => attachments(task).get(Id) ?? [])
      .sort();
  }

  /** Tasks of the node that have a container. */
  #running(node: NodeView): NetworkTask[] {
    return this.#placed.filter(({ NodeID, Status }) => NodeID === node.ID && Status.State === "running");
  }

  #networksOn(node: NodeView): NetworkView[] {
    const here = new Set(
      this.#placed.filter(({ NodeID }) => NodeID === node.ID).flatMap((task) => [...attachments(task).keys()]),
    );
    return this.#state.networks.filter(({ Id, Ingress }) => here.has(Id) && !Ingress);
  }

  #others(node: NodeView): NodeView[] {
    return [...this.#nodes.values()].filter(({ ID }) => ID !== node.ID);
  }

  /** A task's address in the gateway router. */
  #outside(node: NodeView, task: NetworkTask): string | undefined {
    const address = attachments(task).get(this.#ingress.Id);
    if (address) return address;
    const rank = this.#running(node)
      .filter((one) => this.#goesOut(one))
      .findIndex(({ ID }) => ID === task.ID);
    return rank < 0 ? undefined : egress(rank);
  }

  #goesOut(task: NetworkTask): boolean {
    const networks = attachments(task);
    if (networks.size === 0 || networks.has(this.#ingress.Id)) return false;
    return [...networks.keys()].some((id) => !this.#networks.get(id)?.Internal) || this.#hostPorts(task).length > 0;
  }

  #name(networkId: string): string {
    return this.#networks.get(networkId)?.Name ?? networkId;
  }
}

function attachments({ NetworksAttachments = [] }: NetworkTask): Map<string, string> {
  return new Map(
    NetworksAttachments.flatMap(({ Network, Addresses }) => (Addresses?.[0] ? [[Network.ID, bare(Addresses[0])]] : [])),
  );
}

const subnetOf = ({ IPAM }: NetworkView) => IPAM.Config?.[0]?.Subnet ?? "";
const gatewayOf = ({ IPAM }: NetworkView) => IPAM.Config?.[0]?.Gateway ?? "";
const probe = (index: number) => `169.254.${128 + (index >> 8)}.${index & 255}`;

const vipOf = ({ Endpoint }: ServiceView, { Id }: NetworkView) =>
  bare(Endpoint.VirtualIPs?.find(({ NetworkID }) => NetworkID === Id)?.Addr ?? "");

const peerLines = ({ Status: { Addr } }: NodeView) => [
  `neighbour ${Addr} vx0 ${peerMac(Addr)}`,
  `fdb ${peerMac(Addr)} vx0 ${Addr}`,
];

function localLines(address: string): string[] {
  const isEgress = address.startsWith("egress");
  const device = isEgress ? `v-${address}` : veth(address);
  return [
    `link ${device} ${routerMac} up`,
    `route ${address} dev ${device}`,
    `neighbour ${address} ${device} ${isEgress ? "mac" : containerMac(address)}`,
    `element ip skep hairpin ${address} . ${address}`,
  ];
}

function hostPortLines(map: string, port: PortView, address: string | undefined): string[] {
  const { Protocol, PublishedPort, TargetPort } = port;
  const chain = `host_${Protocol}_${PublishedPort}`;
  return [
    `element ip skep ${map} ${Protocol} . ${PublishedPort} : goto ${chain}`,
    `balancer ip skep ${chain} → ${address?.startsWith("egress") ? "egress" : address}:${TargetPort}`,
  ];
}
