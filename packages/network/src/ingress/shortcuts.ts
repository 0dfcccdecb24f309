import { type NodeId, parseAddress } from "@skep/model";
import { callerIsNode, type ShortcutProgram } from "../host/bpf/shortcut-programs.ts";
import type { DeviceFilter } from "../host/kernel.ts";
import type { Item } from "../items/item.ts";
import type { NetworkState } from "../network-state.ts";
import { tunnel, uplink } from "../overlay/addresses.ts";
import { pathMtu } from "../overlay/presence.ts";
import { routerTable } from "../overlay/router.ts";

// What comes in for a container of this node, from the node or from a peer, is tracked and routed until its connection is
// open, and then passed on by programs on the devices, in both directions: see `host/bpf/shortcut-programs`. The rules here
// say which connections may be.

const ways = "ways";

/** What is tracked of a connection misses most of it, and the sysctls here have it not mind. */
export function shortcutItems(state: NetworkState): Item[] {
  if (!state.hasShortcuts) return [];
  const table = routerTable;
  const devices = `iifname { "${uplink.gateway}", "${tunnel}" }`;
  // open on both sides and not yet about to end: only such connections are kept for that long
  const open = "meta l4proto tcp ct state established ct expiration > 1h";
  // programs translate nothing, not even the port of one that has come through two nodes at once
  const asItIs = "ct status & (snat | dnat) == 0";
  return [
    { kind: "sysctl", name: "net.netfilter.nf_conntrack_tcp_ignore_invalid_rst", value: "1" },
    { kind: "set", table, name: ways, type: "type mark : mark" },
    { kind: "element", table, set: ways, key: "0", value: `${callerIsNode}` },
    {
      kind: "chain",
      table,
      name: "shortcut",
      hook: { type: "filter", hook: "postrouting", priority: 200, policy: "accept" },
      rules: [`${devices} ${open} ${asItIs} meta mark set ct mark map @${ways}`],
    },
    ...filterItems(uplink.gateway, { ingress: "from-node" }),
    ...(state.ingress ? filterItems(tunnel, { ingress: "from-peer" }) : []),
  ];
}

/** On the router's end of a container's veth. */
export const containerShortcut = ({ hasShortcuts }: NetworkState, device: string): Item[] =>
  hasShortcuts ? filterItems(device, { ingress: "from-container", egress: "to-container" }) : [];

/** Connections that a peer has sent; where its way takes smaller packets the sender is to be told, which routing does. */
export function peerShortcut(state: NetworkState, id: NodeId): Item[] {
  const { hasShortcuts, ingress } = state;
  const peer = state.peers.get(id);
  if (!hasShortcuts || !ingress || !peer || pathMtu(state, ingress, id) !== undefined) return [];
  const value = String(parseAddress(peer.address));
  return [{ kind: "element", table: routerTable, set: ways, key: String(peer.index), value }];
}

type Programs = { readonly [side in DeviceFilter["side"]]?: ShortcutProgram };

const filterItems = (device: string, { ingress, egress }: Programs): Item[] => [
  { kind: "clsact", device },
  ...(ingress ? [{ kind: "filter", device, side: "ingress", program: ingress } as const] : []),
  ...(egress ? [{ kind: "filter", device, side: "egress", program: egress } as const] : []),
];
