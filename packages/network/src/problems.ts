import type { NetworkProblem, NodeId } from "@skep/model";
import { hostPlace, type Place } from "./aspect.ts";
import type { NetworkState } from "./network-state.ts";
import { gatewayName, routerName, tunnelOverhead } from "./overlay/addresses.ts";

/** What of the records this node does not carry out, in the operator's words. */
export function problemsOf(state: NetworkState, failures: ReadonlyMap<Place, Error>): NetworkProblem[] {
  return [
    ...[...state.takenPorts].map(([key, owner]) => ({
      subject: `port ${key}`,
      message: `not published on this node: ${owner} listens there`,
    })),
    ...[...state.pathMtus].flatMap(([id, bytes]) => narrowLeg(state, id, bytes)),
    ...[...failures].map(([place, error]) => ({ subject: subjectOf(state, place), message: error.message })),
  ];
}

/** Traffic fits itself to it, but pays for it: somebody should know. */
function narrowLeg({ peers, underlayMtu }: NetworkState, id: NodeId, bytes: number): NetworkProblem[] {
  const peer = peers.get(id);
  if (!peer) return [];
  return [
    {
      subject: `leg to ${peer.hostname}`,
      message:
        `packets of more than ${bytes} bytes do not get to ${peer.hostname} (${peer.address}), though this node's device ` +
        `takes ${underlayMtu}: overlays send no more than ${bytes - tunnelOverhead} there; give all devices on the way the same MTU`,
    },
  ];
}

function subjectOf(state: NetworkState, place: Place): string {
  if (place === hostPlace) return "node";
  if (place === gatewayName) return "gateway";
  const network = [...state.networks.values()].find(({ id }) => routerName(id) === place);
  return network ? `network ${network.name}` : place;
}
