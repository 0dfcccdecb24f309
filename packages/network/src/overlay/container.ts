import { bare, type NetworkId } from "@skep/model";
import { at, containerPlace, type Placed } from "../aspect.ts";
import { type Attachment, gatewayInterface } from "../attachment.ts";
import { hostPortItems } from "../ingress/published-port.ts";
import { containerShortcut } from "../ingress/shortcuts.ts";
import type { Item } from "../items/item.ts";
import { type NetworkState, portKey } from "../network-state.ts";
import type { AttachedInterface } from "../node-network.ts";
import { engineResolverAddress } from "../sandbox.ts";
import { contains, gatewayAddress, gatewayName, routerMac, vethName } from "./addresses.ts";
import { hasGateway, hasRouter, mtuOf, placeOf } from "./presence.ts";
import { routerTable } from "./router.ts";

/** A container of this node: its interfaces on both ends, its resolver, the ports it publishes here. */
export function deriveContainer(state: NetworkState, containerId: string): Placed[] {
  const attachment = state.attachments.get(containerId);
  if (!attachment) return [];
  const { interfaces, hostPorts } = attachment;
  const gateway = interfaces.find(({ networkId }) => networkId === gatewayInterface);
  const ports = gateway ? hostPorts.filter((port) => !state.takenPorts.has(portKey(port))) : [];
  return [
    ...interfaces.flatMap((each) =>
      each.networkId === gatewayInterface ? outside(state, attachment, each) : inside(state, attachment, each),
    ),
    ...at(containerPlace(containerId), [{ kind: "up", device: "lo" }, ...resolverItems(attachment)]),
    ...(hasGateway(state) ? ports.flatMap((port) => hostPortItems(port, bare(gateway?.address ?? ""))) : []),
  ];
}

/**
 * An interface on an overlay. All of the network is reached by way of the router, whose address is written down in
 * advance: nobody ever asks for an address, and a VIP needs none.
 */
function inside(state: NetworkState, attachment: Attachment, there: AttachedInterface): Placed[] {
  const network = state.networks.get(there.networkId as NetworkId);
  if (!network || !hasRouter(state, network.id)) return [];
  const { device } = there;
  const mtu = mtuOf(state, network);
  const source = bare(there.address);
  const gateway =
    network.subnets.find(({ subnet }) => contains(subnet, source))?.gateway ?? network.subnets[0]?.gateway ?? "";
  return [
    ...at(placeOf(network), routerSide(attachment, there, mtu)),
    ...at(containerPlace(attachment.sandbox.containerId), [
      { kind: "mtu", device, mtu },
      { kind: "address", device, address: there.address, noPrefixRoute: true },
      { kind: "up", device },
      { kind: "neighbour", device, address: gateway, mac: routerMac },
      { kind: "route", destination: `${gateway}/32`, device, scope: "link", source },
      ...network.subnets.map(
        ({ subnet }): Item => ({ kind: "route", destination: subnet, via: gateway, device, source }),
      ),
    ]),
  ];
}

/** The interface in the gateway router: the default route, and the way of published ports. */
function outside(state: NetworkState, attachment: Attachment, there: AttachedInterface): Placed[] {
  if (!hasGateway(state)) return [];
  const { device } = there;
  const mtu = mtuOf(state, state.ingress);
  const source = bare(there.address);
  return [
    ...at(gatewayName, [...routerSide(attachment, there, mtu), ...containerShortcut(state, vethName(source))]),
    ...at(containerPlace(attachment.sandbox.containerId), [
      { kind: "mtu", device, mtu },
      { kind: "address", device, address: `${source}/32` },
      { kind: "up", device },
      { kind: "neighbour", device, address: gatewayAddress, mac: routerMac },
      { kind: "route", destination: `${gatewayAddress}/32`, device, scope: "link", source },
      { kind: "route", destination: "default", via: gatewayAddress, device, source },
    ]),
  ];
}

function routerSide({ sandbox }: Attachment, there: AttachedInterface, mtu: number): Item[] {
  const address = bare(there.address);
  const name = vethName(address);
  const peer = { name: there.device, mac: there.mac, mtu, in: `/proc/${sandbox.pid}/ns/net` };
  return [
    { kind: "veth", name, mac: routerMac, mtu, peer },
    // strict: a container sends from its own address only
    { kind: "sysctl", name: `net.ipv4.conf.${name}.rp_filter`, value: "1" },
    { kind: "up", device: name },
    { kind: "neighbour", device: name, address, mac: there.mac },
    { kind: "route", destination: `${address}/32`, device: name },
    { kind: "element", table: routerTable, set: "hairpin", key: `${address} . ${address}` },
  ];
}

export const resolverTable = "ip skepdns";

/**
 * Queries to 127.0.0.11 go to skepd's sockets; an image may have a server on port 53 of its own. Ports are rewritten
 * packet by packet: address translation would have the kernel track every connection of the container, whose requests
 * then cost a tenth more. The engine's resolver, which has had this address before, gets another; its own rules in
 * such a container translate in any case.
 */
function resolverItems({ dns, sandbox }: Attachment): Item[] {
  const table = resolverTable;
  const { engineResolver } = sandbox.names;
  const engine = `ip daddr ${engineResolverAddress}`;
  return [
    { kind: "table", table },
    {
      kind: "chain",
      table,
      name: "out",
      hook: { type: "filter", hook: "output", priority: -300, policy: "accept" },
      rules: resolverRules("udp", dns.udp).concat(resolverRules("tcp", dns.tcp)),
    },
    ...(engineResolver
      ? [
          {
            kind: "chain" as const,
            table,
            name: "engine",
            hook: { type: "nat", hook: "output", priority: -100, policy: "accept" } as const,
            rules: [
              `${engine} udp dport 53 dnat to 127.0.0.11:${engineResolver.udp}`,
              `${engine} tcp dport 53 dnat to 127.0.0.11:${engineResolver.tcp}`,
            ],
          },
        ]
      : []),
  ];
}

/** There and back; not tracked, lest the engine's rules translate what is left of them. */
export const resolverRules = (protocol: "udp" | "tcp", port: number): string[] => [
  `ip daddr 127.0.0.11 ${protocol} dport 53 notrack ${protocol} dport set ${port}`,
  `ip saddr 127.0.0.11 ${protocol} sport ${port} notrack ${protocol} sport set 53`,
];
