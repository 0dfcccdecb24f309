import type { NetworkId } from "@skep/model";
import { at, hostPlace, type Placed } from "../aspect.ts";
import type { Item } from "../items/item.ts";
import type { NetworkState } from "../network-state.ts";
import { egressPool, gatewayName, peerMac, uplink, uplinkAddress, uplinkMac } from "../overlay/addresses.ts";
import { hasGateway } from "../overlay/presence.ts";
import { routerTable } from "../overlay/router.ts";

/** In the node's own namespace: the mesh, the way out, and what keeps containers and strangers apart from the node. */
export const hostTable = routerTable;
/** Who may send VXLAN. */
export const vxlanTable = "ip skepraw";

export function deriveHost(state: NetworkState): Placed[] {
  const { selfPeer } = state;
  if (!selfPeer) return [];
  const { address } = selfPeer;
  const tunnelGuard = vxlanGuard(state.dataPathPort);
  return at(
    hostPlace,
    hasGateway(state) ? [...tunnelGuard, ...uplinkItems(state, address), ...hostRules(address)] : tunnelGuard,
  );
}

/** A network's addresses are reached through its router only: not by way of this node, neither from containers nor from the LAN. */
export function deriveSubnets(state: NetworkState, id: NetworkId): Placed[] {
  const network = state.networks.get(id);
  if (!network || !hasGateway(state)) return [];
  return at(hostPlace, [
    ...network.subnets.map(({ subnet }): Item => subnetElement(subnet)),
    ...(network.ingress ? network.subnets.map(({ subnet }): Item => uplinkRoute(subnet)) : []),
  ]);
}

const subnetElement = (key: string): Item => ({ kind: "element", table: hostTable, set: "subnets", key });

const uplinkRoute = (destination: string): Item => ({
  kind: "route",
  destination,
  via: uplinkAddress.gateway,
  device: uplink.host,
});

const uplinkItems = ({ underlayMtu }: NetworkState, self: string): Item[] => [
  { kind: "sysctl", name: "net.ipv4.ip_forward", value: "1" },
  {
    kind: "veth",
    name: uplink.host,
    mac: peerMac(self),
    mtu: underlayMtu,
    peer: { name: uplink.gateway, mac: uplinkMac, mtu: underlayMtu, in: `/run/netns/${gatewayName}` },
  },
  // 127.0.0.1:PORT of the node is published too
  { kind: "sysctl", name: `net.ipv4.conf.${uplink.host}.route_localnet`, value: "1" },
  { kind: "sysctl", name: `net.ipv4.conf.${uplink.host}.send_redirects`, value: "0" },
  { kind: "address", device: uplink.host, address: `${uplinkAddress.host}/30` },
  { kind: "up", device: uplink.host },
  { kind: "neighbour", device: uplink.host, address: uplinkAddress.gateway, mac: uplinkMac },
  uplinkRoute(egressPool),
  subnetElement(egressPool),
];

/** VXLAN has no authentication: it is taken from peers only. Connection tracking has no use for it. */
const vxlanGuard = (port: number): Item[] => [
  { kind: "table", table: vxlanTable },
  { kind: "set", table: vxlanTable, name: "peers", type: "type ipv4_addr" },
  {
    kind: "chain",
    table: vxlanTable,
    name: "pre",
    hook: { type: "filter", hook: "prerouting", priority: -300, policy: "accept" },
    rules: [`udp dport ${port} ip saddr != @peers drop`, `udp dport ${port} notrack`],
  },
  {
    kind: "chain",
    table: vxlanTable,
    name: "out",
    hook: { type: "filter", hook: "output", priority: -300, policy: "accept" },
    rules: [`udp dport ${port} notrack`],
  },
];

function hostRules(self: string): Item[] {
  const table = hostTable;
  const up = uplink.host;
  const published = "fib daddr type local meta l4proto . th dport vmap @ports";
  const unanswered = "ct state new meta l4proto . th dport @held";
  return [
    { kind: "table", table },
    { kind: "set", table, name: "subnets", type: "type ipv4_addr; flags interval" },
    { kind: "set", table, name: "ports", type: "type inet_proto . inet_service : verdict" },
    { kind: "set", table, name: "held", type: "type inet_proto . inet_service" },
    {
      kind: "chain",
      table,
      name: "mesh_pre",
      // before the engine's own chain
      hook: { type: "nat", hook: "prerouting", priority: -105, policy: "accept" },
      rules: [`iifname != "${up}" ${published}`],
    },
    {
      kind: "chain",
      table,
      name: "mesh_out",
      hook: { type: "nat", hook: "output", priority: -105, policy: "accept" },
      rules: [published],
    },
    {
      kind: "chain",
      table,
      name: "mesh_post",
      hook: { type: "nat", hook: "postrouting", priority: 95, policy: "accept" },
      rules: [`oifname "${up}" ip saddr 127.0.0.0/8 snat to ${self}`, `iifname "${up}" oifname != "${up}" masquerade`],
    },
    {
      kind: "chain",
      table,
      name: "forward",
      hook: { type: "filter", hook: "forward", priority: -5, policy: "accept" },
      rules: [
        `oifname "${up}" ct status dnat accept`,
        `oifname "${up}" ct state new drop`,
        `iifname "${up}" ip daddr @subnets reject with icmp type net-prohibited`,
      ],
    },
    {
      kind: "chain",
      table,
      name: "output",
      hook: { type: "filter", hook: "output", priority: 0, policy: "accept" },
      // the node's own processes get to what is published, as everybody does; not to all that a task listens on
      rules: [
        `oifname "${up}" ct status dnat accept`,
        `oifname "${up}" ct state new reject with icmp type admin-prohibited`,
      ],
    },
    {
      kind: "chain",
      table,
      name: "input",
      hook: { type: "filter", hook: "input", priority: -5, policy: "accept" },
      rules: [
        // a published port without targets: only our own socket that holds it would answer
        `${unanswered} meta l4proto tcp reject with tcp reset`,
        `${unanswered} reject with icmp type port-unreachable`,
        `iifname "${up}" ct state established,related accept`,
        `iifname "${up}" icmp type echo-request accept`,
        `iifname "${up}" reject with icmp type admin-prohibited`,
      ],
    },
  ];
}
