import type { NetworkId, NodeId, OverlayRecord } from "@skep/model";
import type { Place } from "../aspect.ts";
import type { NetworkState } from "../network-state.ts";
import { gatewayName, routerName, tunnelOverhead } from "./addresses.ts";

/** Ingress addresses are reached by the gateway router, every other network has a router of its own. */
export const placeOf = ({ id, ingress }: OverlayRecord): Place => (ingress ? gatewayName : routerName(id));

/** A network has a router here while somebody here is on it, or will be at once. */
export function hasRouter(state: NetworkState, id: NetworkId): boolean {
  const network = state.networks.get(id);
  if (!network || !state.selfPeer) return false;
  if (network.ingress) return true;
  return state.attachmentsOnNetwork.has(id) || state.endpointsThere.has(`${id}/${state.self}`);
}

/** There is a gateway router once something may be published, or somebody wants out. */
export const hasGateway = (state: NetworkState): boolean =>
  state.selfPeer !== undefined && (state.ingress !== undefined || state.outgoing.size > 0);

/** Of a network's interfaces and tunnels on this node. */
export const mtuOf = (state: NetworkState, network: OverlayRecord | undefined): number =>
  network?.mtu ?? state.underlayMtu - tunnelOverhead;

/** The size that routes to a peer are held to, where the way there takes less than the network's own. */
export function pathMtu(state: NetworkState, network: OverlayRecord, peer: NodeId): number | undefined {
  const path = state.pathMtus.get(peer);
  const size = path === undefined ? undefined : path - tunnelOverhead;
  return size !== undefined && size < mtuOf(state, network) ? size : undefined;
}
