import type { OverlayRecord } from "@skep/model";
import { at, type Placed } from "../aspect.ts";
import type { Item } from "../items/item.ts";
import { zoneMap } from "../items/parse-nft.ts";
import { probeAddress } from "../legs/probe-address.ts";
import type { NetworkState } from "../network-state.ts";
import { gatewayAddress, gatewayName, peerMac, tunnel, uplink, uplinkAddress } from "../overlay/addresses.ts";
import { hasGateway } from "../overlay/presence.ts";
import { clampMss, routerInput, routerSysctls, routerTable, tunnelItems } from "../overlay/router.ts";
import { replyItems } from "./replies.ts";
import { shortcutItems } from "./shortcuts.ts";
import { transitItems, untrackedTransit } from "./transit.ts";

/**
 * The router between this node's containers, the node and the other nodes' gateway routers: the way out, and the way of
 * everything that is published.
 */
export function deriveGateway(state: NetworkState): Placed[] {
  const { ingress, selfPeer } = state;
  if (!selfPeer || !hasGateway(state)) return [];
  return at(gatewayName, [
    ...routerSysctls,
    { kind: "up", device: "lo" },
    { kind: "address", device: "lo", address: `${gatewayAddress}/32` },
    { kind: "mtu", device: uplink.gateway, mtu: state.underlayMtu },
    ...uplinkItems(selfPeer.address),
    ...gatewayRules(selfPeer.address, ingress),
    ...shortcutItems(state),
    ...(ingress
      ? [...tunnelItems(state, ingress), ...transitItems(ingress), ...replyItems(state), ...probed(selfPeer.index)]
      : []),
  ]);
}

/** Where other nodes try the tunnel to this one. */
function probed(index: number): Item[] {
  const address = probeAddress(index);
  return address === undefined ? [] : [{ kind: "address", device: "lo", address: `${address}/32` }];
}

/** This end of the link to the node; the link itself is the node's. */
const uplinkItems = (self: string): Item[] => [
  { kind: "address", device: uplink.gateway, address: `${uplinkAddress.gateway}/30` },
  { kind: "up", device: uplink.gateway },
  { kind: "neighbour", device: uplink.gateway, address: uplinkAddress.host, mac: peerMac(self) },
  { kind: "route", destination: "default", via: uplinkAddress.host, device: uplink.gateway },
];

function gatewayRules(self: string, ingress: OverlayRecord | undefined): Item[] {
  const table = routerTable;
  const chain = (name: string, hook: Extract<Item, { kind: "chain" }>["hook"], rules: string[]): Item => ({
    kind: "chain",
    table,
    name,
    ...(hook && { hook }),
    rules,
  });
  return [
    { kind: "table", table },
    { kind: "set", table, name: "hairpin", type: "type ipv4_addr . ipv4_addr" },
    { kind: "set", table, name: "nodeips", type: "type ipv4_addr" },
    { kind: "set", table, name: "peer", type: "type ether_addr : mark" },
    { kind: "set", table, name: "pzone", type: zoneMap },
    { kind: "set", table, name: "ports", type: portMap },
    { kind: "set", table, name: "hostports", type: portMap },
    chain("peer_zone", { type: "filter", hook: "prerouting", priority: -300, policy: "accept" }, [
      ...(ingress ? untrackedTransit(ingress) : []),
      `iifname "${tunnel}" ct original zone set ether saddr map @pzone`,
    ]),
    chain("peer_mark", { type: "filter", hook: "prerouting", priority: -150, policy: "accept" }, [
      `iifname "${tunnel}" ct direction original ct state new ct mark set ether saddr map @peer`,
      `iifname != "${tunnel}" ct direction reply ct mark != 0 meta mark set ct mark`,
    ]),
    // what this router itself says to the client, such as a reset
    chain("peer_mark_out", { type: "route", hook: "output", priority: -150, policy: "accept" }, [
      "ct mark != 0 meta mark set ct mark",
    ]),
    // containers that ask for a published port of some node get it here
    chain("mesh_dnat", { type: "nat", hook: "prerouting", priority: -100, policy: "accept" }, [
      `${fromContainer} ip daddr ${self} meta l4proto . th dport vmap @hostports`,
      `${fromContainer} ip daddr @nodeips meta l4proto . th dport vmap @ports`,
    ]),
    chain("mesh_snat", { type: "nat", hook: "postrouting", priority: 100, policy: "accept" }, [
      `ip saddr . ip daddr @hairpin snat to ${gatewayAddress}`,
    ]),
    // containers do not reach one another here, except by what they have published
    chain("forward", { type: "filter", hook: "forward", priority: 0, policy: "drop" }, [
      clampMss,
      "ct state invalid drop",
      "ct state established,related accept",
      `iifname { "${uplink.gateway}", "${tunnel}" } oifname != "${uplink.gateway}" accept`,
      `iifname "${tunnel}" oifname "${uplink.gateway}" ct state untracked accept`,
      "ct status dnat accept",
      `iifname != "${tunnel}" oifname "${uplink.gateway}" accept`,
    ]),
    routerInput,
  ];
}

export const portMap = "type inet_proto . inet_service : verdict";

const fromContainer = `iifname != { "${uplink.gateway}", "${tunnel}" }`;
