import type { NetworkProblem } from "@skep/model";
import { hostPlace, type Place } from "./aspect.ts";
import type { NetworkState } from "./network-state.ts";
import { gatewayName, routerName } from "./overlay/addresses.ts";

/** What of the records this node does not carry out, in the operator's words. */
export function problemsOf(state: NetworkState, failures: ReadonlyMap<Place, Error>): NetworkProblem[] {
  return [
    ...[...state.takenPorts].map(([key, owner]) => ({
      subject: `port ${key}`,
      message: `port ${key} is not published on this node: ${owner} listens there`,
    })),
    ...[...failures].map(([place, error]) => ({ subject: subjectOf(state, place), message: error.message })),
  ];
}

function subjectOf(state: NetworkState, place: Place): string {
  if (place === hostPlace) return "node";
  if (place === gatewayName) return "gateway";
  const network = [...state.networks.values()].find(({ id }) => routerName(id) === place);
  return network ? `network ${network.name}` : place;
}
