import { bare, type EndpointRecord, type NetworkId, type ServiceId } from "@skep/model";
import type { NetworkState } from "../network-state.ts";

/** Packets find their way to it. */
export const isRouted = (state: NetworkState, { nodeId }: EndpointRecord): boolean =>
  state.peers.get(nodeId)?.down === false;

/** New connections are sent to it. */
export const isTarget = (state: NetworkState, endpoint: EndpointRecord): boolean =>
  endpoint.state === "ready" && isRouted(state, endpoint);

export const addressOn = ({ networks }: EndpointRecord, network: NetworkId): string | undefined => {
  const there = networks.find(({ networkId }) => networkId === network);
  return there && bare(there.address);
};

/** Where a service's new connections go on a network: bare addresses in the order of the endpoints' ids. */
export function targetsOf(state: NetworkState, service: ServiceId, network: NetworkId): string[] {
  const addresses = new Set<string>();
  for (const id of [...state.endpointsOfService.get(service)].sort()) {
    const endpoint = state.endpoints.get(id);
    const address = endpoint && isTarget(state, endpoint) ? addressOn(endpoint, network) : undefined;
    if (address) addresses.add(address);
  }
  return [...addresses];
}
