import type { OverlayRecord } from "@skep/model";
import type { Item } from "../items/item.ts";
import { egressPool, peerMac, tunnel, uplink } from "../overlay/addresses.ts";

// What only passes through the gateway router between the node and its peers: requests that have come in at this node
// for a task of another one, and their answers. It is most of what a mesh carries, and nothing has to be decided about it.

/** Chains on devices, before anything else sees a packet. */
export const deviceTable = "netdev skep";
const peerOf = "via";

/**
 * Passed on from device to device, without routing, tracking and rules: a tenth of the cost of such a request. Only
 * TCP, and only when the answer is plain; all else is routed, with the same result:
 * - what opens a connection is routed, because its MSS may have to be lowered to what the way takes (`clampMss`);
 * - to a peer with a smaller path MTU everything is routed, so that the sender is told (the map leaves such tasks out);
 * - out of the tunnel, what is for an overlay, for a container's way out or for a router itself is not for the node.
 *
 * The node's end of the uplink has the tunnel end's MAC address, so that what it sends is from this peer, and what peers
 * send is for it, as it is.
 */
export function transitItems(ingress: OverlayRecord): Item[] {
  const table = deviceTable;
  const chain = (name: string, device: string, rule: string): Item => ({
    kind: "chain",
    table,
    name,
    hook: { type: "filter", hook: "ingress", priority: 0, policy: "accept", device },
    rules: [rule],
  });
  return [
    { kind: "table", table },
    { kind: "set", table, name: peerOf, type: "type ipv4_addr : ether_addr" },
    chain(
      "to_peer",
      uplink.gateway,
      `meta l4proto tcp tcp flags & syn == 0 ether daddr set ip daddr map @${peerOf} fwd to "${tunnel}"`,
    ),
    chain("from_peer", tunnel, `${notForHere(ingress)} meta l4proto tcp fwd to "${uplink.gateway}"`),
  ];
}

/** A task of another node, at the end of a way that takes packets of full size. */
export const transitElement = (address: string, peer: string): Item => ({
  kind: "element",
  table: deviceTable,
  set: peerOf,
  key: address,
  value: peerMac(peer),
});

/**
 * What of it is routed needs no connection tracking here. Proof that no rule misses it:
 * - from the node to the tunnel: the node has translated it already; `mesh_dnat` and `mesh_snat` are for what comes from
 *   containers, marks and zones for what comes out of the tunnel, `forward` lets it through whatever its state.
 * - out of the tunnel to the node: it is not for a container of this node, so it is no connection a peer has begun
 *   (peers send those only to addresses behind the tunnel), but an answer to the above, which was untracked as well.
 * Both depend on the other end's address alone, so the two directions of a connection are always treated alike.
 */
export const untrackedTransit = (ingress: OverlayRecord): string[] => [
  `iifname "${uplink.gateway}" fib daddr oifname "${tunnel}" notrack accept`,
  `iifname "${tunnel}" ${notForHere(ingress)} notrack accept`,
];

/** Out of the tunnel, and neither for a container of this node nor for its router. A set would take longer than a few. */
const notForHere = ({ subnets }: OverlayRecord) =>
  [...subnets.map(({ subnet }) => subnet), egressPool, "169.254.0.0/16"]
    .map((block) => `ip daddr != ${block}`)
    .join(" ");
