import type { NodeId, PeerRecord } from "@skep/model";
import { at, type Placed } from "../aspect.ts";
import type { Item } from "../items/item.ts";
import { probeAddress } from "../legs/probe-address.ts";
import type { NetworkState } from "../network-state.ts";
import { gatewayName, peerMac, tunnel } from "../overlay/addresses.ts";
import { hasGateway, pathMtu } from "../overlay/presence.ts";
import { peerItems, routerTable } from "../overlay/router.ts";
import { vxlanTable } from "./host-rules.ts";
import { peerShortcut } from "./shortcuts.ts";
import { deviceTable } from "./transit.ts";

// A connection that entered the mesh at another node has to leave it there: only that node can undo its translation.
// Who sent the first packet is told by its MAC address; the connection is marked with that peer's index, and the mark
// of an answer chooses the way back.

/** A node of the swarm, as the gateway router and the node's own namespace know it. */
export function derivePeer(state: NetworkState, id: NodeId): Placed[] {
  const peer = state.peers.get(id);
  if (!peer || !state.selfPeer) return [];
  const mayTunnel: Placed[] = at("host", [{ kind: "element", table: vxlanTable, set: "peers", key: peer.address }]);
  if (!hasGateway(state)) return mayTunnel;
  const table = routerTable;
  const element = (set: string, key: string, value?: string): Item => ({
    kind: "element",
    table,
    set,
    key,
    ...(value !== undefined && { value }),
  });
  const mac = peerMac(peer.address);
  const mark = String(peer.index);
  const isOther = id !== state.self && state.ingress !== undefined;
  return [
    ...mayTunnel,
    ...at(gatewayName, [
      element("nodeips", peer.address),
      ...(isOther ? [element("peer", mac, mark), element("pzone", mac, mark), ...peerItems(peer.address)] : []),
      ...(isOther ? [...wayBack(state, id), ...wayToProbe(peer, state.selfPeer), ...peerShortcut(state, id)] : []),
    ]),
  ];
}

/** See `legs`. The tunnel's end has no address of its own to be answered at. */
function wayToProbe({ address, index }: PeerRecord, self: PeerRecord): Item[] {
  const probe = probeAddress(index);
  const source = probeAddress(self.index);
  if (probe === undefined || source === undefined) return [];
  return [{ kind: "route", destination: `${probe}/32`, via: address, device: tunnel, onlink: true, source }];
}

function wayBack(state: NetworkState, id: NodeId): Item[] {
  const peer = state.peers.get(id);
  const { ingress } = state;
  if (!peer || !ingress) return [];
  if (hasManyPeers(state))
    return [{ kind: "element", table: deviceTable, set: "m", key: String(peer.index), value: peerMac(peer.address) }];
  const table = firstTable + peer.index;
  const mtu = pathMtu(state, ingress, id);
  const route = { destination: "default", via: peer.address, device: tunnel, onlink: true, table };
  return [
    { kind: "route", ...route, ...(mtu !== undefined && { mtu }) },
    { kind: "rule", priority: table, mark: peer.index, table },
  ];
}

/**
 * A rule for each peer is walked through by every packet. With many peers there is one rule and one route for all, and
 * the peer's MAC address is put in when the packet leaves.
 */
export const hasManyPeers = ({ peers }: NetworkState): boolean => peers.size > manyPeers || hasHighIndex(peers);

const manyPeers = 50;
/** Rules have to come before that of the main table, 32766. */
const hasHighIndex = (peers: NetworkState["peers"]) => [...peers.values()].some(({ index }) => index > 30_000);

const firstTable = 1000;
/** A next hop that stands for whichever peer the mark says. */
const anyPeer = { address: "169.254.2.2", mac: "02:58:00:00:00:00" } as const;

/** What the ways back of all peers have in common. */
export function replyItems(state: NetworkState): Item[] {
  if (!hasManyPeers(state)) return [];
  return [
    { kind: "rule", priority: firstTable, mark: 0, mask: 0xffffffff, not: true, table: firstTable },
    { kind: "neighbour", device: tunnel, address: anyPeer.address, mac: anyPeer.mac },
    { kind: "route", destination: "default", via: anyPeer.address, device: tunnel, onlink: true, table: firstTable },
    { kind: "set", table: deviceTable, name: "m", type: "type mark : ether_addr" },
    {
      kind: "chain",
      table: deviceTable,
      name: "egress",
      hook: { type: "filter", hook: "egress", priority: 0, policy: "accept", device: tunnel },
      rules: [`ether daddr ${anyPeer.mac} ether daddr set meta mark map @m`],
    },
  ];
}
