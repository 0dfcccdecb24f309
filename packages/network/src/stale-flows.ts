import type { NetworkId } from "@skep/model";
import { hostPlace, type Place } from "./aspect.ts";
import { addressOn, isRouted, isTarget } from "./balancer/targets.ts";
import type { ConnectionFilter } from "./host/kernel.ts";
import type { NetworkState } from "./network-state.ts";
import { gatewayName } from "./overlay/addresses.ts";
import { hasRouter, placeOf } from "./overlay/presence.ts";
import type { EndpointBefore } from "./touched.ts";

export interface StaleFlows {
  readonly place: Place;
  readonly filter: ConnectionFilter;
}

/**
 * Connections that the kernel would go on sending to endpoints that have left. Those of UDP go as soon as an endpoint is
 * no target any more, so that clients move on; those of TCP stay until it is gone altogether, then the client's next
 * packet counts as new, reaches somebody who does not know it, and is answered with a reset.
 */
export function staleFlows(state: NetworkState, before: Iterable<EndpointBefore>): StaleFlows[] {
  const flows: StaleFlows[] = [];
  for (const { record, routed, target } of before) {
    const now = state.endpoints.get(record.id);
    for (const { networkId } of record.networks) {
      const address = addressOn(record, networkId);
      const same = now && addressOn(now, networkId) === address && now.nodeId === record.nodeId;
      const left = routed && !(same && isRouted(state, now));
      const withdrawn = target && !(same && isTarget(state, now));
      if (!address || !(left || withdrawn)) continue;
      const filter: ConnectionFilter = { ...(!left && { protocol: "udp" as const }), replySource: address };
      for (const place of placesOf(state, networkId)) flows.push({ place, filter });
    }
  }
  return flows;
}

/** Where connections to a network's endpoints are tracked on this node. */
function placesOf(state: NetworkState, id: NetworkId): Place[] {
  const network = state.networks.get(id);
  if (!network || !hasRouter(state, id)) return [];
  return network.ingress ? [gatewayName, hostPlace] : [placeOf(network)];
}
