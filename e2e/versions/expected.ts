import { hostPortLines, localLines, peerLines, peerMac, probe, shortcutLines } from "./expected-lines.ts";
import { attachments, bare, gatewayOf, SwarmModel, subnetOf, vipOf } from "./swarm-model.ts";
import type { NetworkView, NodeView, PortView, ServiceView, SwarmState } from "./swarm-state.ts";

// What each node's kernel and resolver should hold, computed from the API's answers by the rules of docs/packet.md. One
// line each, as `observed.ts` tells them.

export interface Question {
  readonly container: string;
  readonly task: string;
  readonly names: ReadonlyMap<string, readonly string[]>;
}

export class Expected {
  readonly #model: SwarmModel;
  readonly #indices: ReadonlyMap<string, number>;

  /** `indices`: the index of each node in the mesh, by its address. */
  constructor(state: SwarmState, indices: ReadonlyMap<string, number>) {
    this.#model = new SwarmModel(state);
    this.#indices = indices;
  }

  /** Addresses that are somebody's, `NETWORK ADDRESS`, and subnets, as often as they are. */
  owned(): string[] {
    return [
      ...this.#model.placed.flatMap((task) =>
        [...attachments(task)].map(([network, address]) => `${this.#model.name(network)} ${address}`),
      ),
      ...this.#model.state.services.flatMap(({ Endpoint }) =>
        (Endpoint.VirtualIPs ?? []).flatMap(({ NetworkID, Addr }) =>
          Addr ? [`${this.#model.name(NetworkID)} ${bare(Addr)}`] : [],
        ),
      ),
      ...this.#model.state.networks.map((network) => `${network.Name} ${gatewayOf(network)}`),
      ...this.#model.subnets(),
    ];
  }

  lines(node: NodeView): string[] {
    return [
      ...this.#host(node),
      ...this.#gateway(node),
      ...this.#model.networksOn(node).flatMap((network) => this.#router(node, network)),
    ];
  }

  /** What to ask the resolver of one container of each network on the node. */
  questions(node: NodeView): Question[] {
    return this.#model.networksOn(node).flatMap((network) => {
      const task = this.#model.running(node).find((one) => attachments(one).has(network.Id));
      const container = task?.Status.ContainerStatus?.ContainerID;
      if (!task || !container) return [];
      const isOnly = [...attachments(task).keys()].filter((id) => id !== this.#model.ingress.Id).length === 1;
      const names = new Map<string, readonly string[]>();
      for (const service of this.#model.servicesOn(network)) {
        const { Name } = service.Spec;
        const targets = this.#model.targets(service, network);
        const vip = vipOf(service, network);
        for (const suffix of isOnly ? ["", `.${network.Name}`] : [`.${network.Name}`]) {
          names.set(`${Name}${suffix}`, vip ? [vip] : targets);
          names.set(`tasks.${Name}${suffix}`, targets);
        }
      }
      for (const { Spec, ...other } of this.#model.state.services) {
        const isHere = this.#model.servicesOn(network).some(({ ID }) => ID === other.ID);
        if (isOnly && !isHere) names.set(Spec.Name, ["unknown"]);
      }
      return [{ container, task: task.ID, names }];
    });
  }

  #host(node: NodeView): string[] {
    const line = (text: string) => `host ${text}`;
    const subnets = [...this.#model.subnets(), "100.66.0.0/16"];
    const hostPorts = this.#model
      .running(node)
      .flatMap((task) => this.#model.hostPorts(task).map((port) => ({ task, port })));
    const inMesh = this.#model.published();
    const held = [...inMesh.map(({ port }) => port), ...hostPorts.map(({ port }) => port)];
    return [
      `link skep-up ${peerMac(node.Status.Addr)} up`,
      "address skep-up 169.254.254.1/30",
      "neighbour 169.254.254.2 skep-up 02:54:00:00:00:02",
      `route ${subnetOf(this.#model.ingress)} via 169.254.254.2 dev skep-up`,
      "route 100.66.0.0/16 via 169.254.254.2 dev skep-up",
      ...["subnets", "ports", "held"].map((set) => `set ip skep ${set}`),
      "set ip skepraw peers",
      ...["mesh_pre", "mesh_out", "mesh_post", "forward", "input", "output"].map((chain) => `chain ip skep ${chain}`),
      ...["pre", "out"].map((chain) => `chain ip skepraw ${chain}`),
      ...subnets.map((subnet) => `element ip skep subnets ${subnet}`),
      ...[...this.#model.nodes.values()].map(({ Status }) => `element ip skepraw peers ${Status.Addr}`),
      ...held.map(({ Protocol, PublishedPort }) => `element ip skep held ${Protocol} . ${PublishedPort}`),
      ...inMesh.flatMap((one) => this.#portLines(one)),
      ...hostPorts.flatMap(({ task, port }) => hostPortLines("ports", port, this.#model.outside(node, task))),
    ].map(line);
  }

  #gateway(node: NodeView): string[] {
    const line = (text: string) => `skep-gw ${text}`;
    const others = this.#model.others(node);
    const inside = this.#model.running(node).flatMap((task) => this.#model.outside(node, task) ?? []);
    const index = (other: NodeView) => this.#indices.get(other.Status.Addr) ?? 0;
    const hostPorts = this.#model
      .running(node)
      .flatMap((task) => this.#model.hostPorts(task).map((port) => ({ task, port })));
    return [
      ...["lo 00:00:00:00:00:00 up", "up0 02:54:00:00:00:02 up"].map((link) => `link ${link}`),
      this.#tunnel(node, this.#model.ingress),
      "address lo 127.0.0.1/8",
      "address lo 169.254.1.1/32",
      `address lo ${probe(index(node))}/32`,
      "address up0 169.254.254.2/30",
      `neighbour 169.254.254.1 up0 ${peerMac(node.Status.Addr)}`,
      "route default via 169.254.254.1 dev up0",
      ...["hairpin", "nodeips", "peer", "pzone", "ports", "hostports"].map((set) => `set ip skep ${set}`),
      ...["peer_zone", "peer_mark", "peer_mark_out", "mesh_dnat", "mesh_snat", "forward", "input"].map(
        (chain) => `chain ip skep ${chain}`,
      ),
      "set netdev skep via",
      ...["to_peer", "from_peer"].map((chain) => `chain netdev skep ${chain}`),
      ...[...this.#model.nodes.values()].map(({ Status }) => `element ip skep nodeips ${Status.Addr}`),
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
      ...shortcutLines(inside, new Map(others.map((other) => [index(other), other.Status.Addr]))),
      ...this.#remote(node, this.#model.ingress),
      ...this.#transit(node),
      ...this.#model.published().flatMap((one) => this.#portLines(one)),
      ...hostPorts.flatMap(({ task, port }) => hostPortLines("hostports", port, this.#model.outside(node, task))),
    ].map(line);
  }

  #router(node: NodeView, network: NetworkView): string[] {
    const line = (text: string) => `skep-${network.Id.slice(0, 12)} ${text}`;
    const local = this.#model.running(node).flatMap((task) => attachments(task).get(network.Id) ?? []);
    const members = this.#model
      .others(node)
      .filter(({ ID }) => this.#model.placed.some((task) => task.NodeID === ID && attachments(task).has(network.Id)));
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
      ...this.#model.servicesOn(network).flatMap((service) => {
        const vip = vipOf(service, network);
        if (!vip) return [];
        const chain = `svc_${vip.replaceAll(".", "_")}`;
        return [
          `element ip skep vips ${vip}`,
          `element ip skep svc ${vip} : goto ${chain}`,
          `balancer ip skep ${chain} → ${this.#model.targets(service, network).join(" ")}`,
        ];
      }),
    ].map(line);
  }

  #tunnel(node: NodeView, { Id }: NetworkView): string {
    const vni = this.#model.state.progress.Networks.find(({ ID }) => ID === Id)?.VNI;
    return `link vx0 ${peerMac(node.Status.Addr)} up vni ${vni} local ${node.Status.Addr}`;
  }

  #remote(node: NodeView, network: NetworkView): string[] {
    return this.#elsewhere(node, network).map(({ address, peer }) => `route ${address} via ${peer} dev vx0 onlink`);
  }

  #transit(node: NodeView): string[] {
    const tasks = this.#elsewhere(node, this.#model.ingress);
    return tasks.map(({ address, peer }) => `element netdev skep via ${address} : ${peerMac(peer)}`);
  }

  #elsewhere(node: NodeView, network: NetworkView): { readonly address: string; readonly peer: string }[] {
    return this.#model.placed.flatMap((task) => {
      const address = attachments(task).get(network.Id);
      const there = this.#model.nodes.get(task.NodeID ?? "");
      if (!address || !there || there.ID === node.ID || there.Status.State === "down") return [];
      return [{ address, peer: there.Status.Addr }];
    });
  }

  #portLines({ service, port }: { readonly service: ServiceView; readonly port: PortView }): string[] {
    const { Protocol, PublishedPort, TargetPort } = port;
    const chain = `pub_${Protocol}_${PublishedPort}`;
    const targets = this.#model.targets(service, this.#model.ingress);
    return [
      `element ip skep ports ${Protocol} . ${PublishedPort} : goto ${chain}`,
      `balancer ip skep ${chain} → ${targets.map((target) => `${target}:${TargetPort}`).join(" ")}`,
    ];
  }
}
