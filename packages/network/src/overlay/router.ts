import type { NetworkId, NodeId, OverlayRecord, TaskId } from "@skep/model";
import { at, type Placed } from "../aspect.ts";
import { addressOn, isRouted } from "../balancer/targets.ts";
import { transitElement } from "../ingress/transit.ts";
import type { Item } from "../items/item.ts";
import type { NetworkState } from "../network-state.ts";
import { peerMac, tunnel } from "./addresses.ts";
import { hasRouter, mtuOf, pathMtu, placeOf } from "./presence.ts";

/** nftables' table in every router, and in the node's own namespace. */
export const routerTable = "ip skep";

/** A network's router as it is before any endpoint or service is known. */
export function deriveRouter(state: NetworkState, id: NetworkId): Placed[] {
  const network = state.networks.get(id);
  if (!network || network.ingress || !hasRouter(state, id)) return [];
  const gateways = network.subnets.map(({ gateway }) => gateway);
  return at(placeOf(network), [
    ...routerSysctls,
    ...tunnelItems(state, network),
    { kind: "up", device: "lo" },
    ...gateways.map((gateway): Item => ({ kind: "address", device: "lo", address: `${gateway}/32` })),
    // an address nobody has is refused at once
    ...network.subnets.map(({ subnet }): Item => ({ kind: "route", type: "unreachable", destination: subnet })),
    ...routerRules(gateways[0] ?? ""),
  ]);
}

/** Strict `rp_filter` is for the veths alone: the effective value is the greater of `all` and the device's. */
export const routerSysctls: readonly Item[] = Object.entries({
  "net.ipv4.ip_forward": "1",
  "net.ipv4.conf.all.rp_filter": "0",
  "net.ipv4.conf.default.rp_filter": "0",
  "net.ipv4.conf.all.send_redirects": "0",
  "net.ipv4.conf.default.send_redirects": "0",
  "net.netfilter.nf_conntrack_tcp_be_liberal": "1",
  "net.ipv6.conf.all.disable_ipv6": "1",
}).map(([name, value]) => ({ kind: "sysctl", name, value }));

/** This node's end of a network's tunnel. It learns nothing: whoever is behind a peer is written down. */
export function tunnelItems(state: NetworkState, network: OverlayRecord): Item[] {
  const local = state.selfPeer?.address;
  if (!local) return [];
  return [
    {
      kind: "vxlan",
      name: tunnel,
      mac: peerMac(local),
      mtu: mtuOf(state, network),
      vni: network.vni,
      local,
      port: state.dataPathPort,
    },
    { kind: "up", device: tunnel },
  ];
}

/** A node that has endpoints on the network: its tunnel end. The gateway router knows all of them, by `peer`. */
export function deriveMember(state: NetworkState, id: NetworkId, node: NodeId): Placed[] {
  const network = state.networks.get(id);
  const peer = state.peers.get(node);
  if (!network || network.ingress || !peer || node === state.self || !hasRouter(state, id)) return [];
  if (!state.endpointsThere.has(`${id}/${node}`)) return [];
  return at(placeOf(network), peerItems(peer.address));
}

export const peerItems = (address: string): Item[] => [
  { kind: "neighbour", device: tunnel, address, mac: peerMac(address) },
  { kind: "fdb", device: tunnel, mac: peerMac(address), destination: address },
];

/** The way to an endpoint of another node. It stays while the endpoint drains: established connections go on. */
export function deriveRoute(state: NetworkState, id: NetworkId, task: TaskId): Placed[] {
  const network = state.networks.get(id);
  const endpoint = state.endpoints.get(task);
  if (!network || !endpoint || !hasRouter(state, id)) return [];
  const address = addressOn(endpoint, id);
  const peer = state.peers.get(endpoint.nodeId);
  if (!address || !peer || peer.id === state.self || !isRouted(state, endpoint)) return [];
  if (isLocal(state, network, address)) return [];
  const mtu = pathMtu(state, network, peer.id);
  return at(placeOf(network), [
    {
      kind: "route",
      destination: `${address}/32`,
      via: peer.address,
      device: tunnel,
      onlink: true,
      ...(mtu !== undefined && { mtu }),
    },
    ...(network.ingress && mtu === undefined ? [transitElement(address, peer.address)] : []),
  ]);
}

/** A container of this node has the address, whatever an older record says. */
const isLocal = (state: NetworkState, { id, ingress }: OverlayRecord, address: string) =>
  state.attachmentsAt.has(`${ingress ? "gateway" : id}/${address}`);

/** Balancing in a router; services and local containers are elements of its maps. */
function routerRules(gateway: string): Item[] {
  const table = routerTable;
  return [
    { kind: "table", table },
    { kind: "set", table, name: "hairpin", type: "type ipv4_addr . ipv4_addr" },
    { kind: "set", table, name: "vips", type: "type ipv4_addr" },
    { kind: "set", table, name: "svc", type: "type ipv4_addr : verdict" },
    {
      kind: "chain",
      table,
      name: "vip_dnat",
      hook: { type: "nat", hook: "prerouting", priority: -100, policy: "accept" },
      // a VIP answers pings itself; all else goes to a target, whatever its port and protocol
      rules: [`meta l4proto icmp ip daddr @vips dnat to ${gateway}`, "ip daddr vmap @svc"],
    },
    {
      kind: "chain",
      table,
      name: "nobackend",
      hook: { type: "filter", hook: "prerouting", priority: -90, policy: "accept" },
      // still addressed to a VIP after the balancer: it has no target
      rules: [
        "ip daddr @vips meta l4proto tcp reject with tcp reset",
        "ip daddr @vips reject with icmp type port-unreachable",
        // an address that nobody has any more: the unreachable route would answer once a second, and a peer not at all
        `${firstOfTcp} fib daddr oif missing reject with tcp reset`,
      ],
    },
    {
      kind: "chain",
      table,
      name: "vip_snat",
      hook: { type: "nat", hook: "postrouting", priority: 100, policy: "accept" },
      // who got itself as target would take a packet from its own address for a forgery
      rules: [`ip saddr . ip daddr @hairpin snat to ${gateway}`],
    },
    {
      kind: "chain",
      table,
      name: "forward",
      hook: { type: "filter", hook: "forward", priority: 0, policy: "accept" },
      rules: ["ct state invalid drop", clampMss],
    },
    routerInput,
  ];
}

const firstOfTcp = "tcp flags & (fin | syn | rst | ack) == syn";

/** TCP asks for no more than the route takes, where it takes less than the interface. */
export const clampMss = "tcp flags syn tcp option maxseg size set rt mtu";

/** A router answers pings and nothing else. */
export const routerInput: Item = {
  kind: "chain",
  table: routerTable,
  name: "input",
  hook: { type: "filter", hook: "input", priority: 0, policy: "drop" },
  rules: ["ct state established,related accept", "icmp type echo-request accept"],
};
