import { networkUser } from "@skep/manager";
import type { MergedRoute } from "../merged/merged-route.ts";
import type { NetworkContext } from "../merged/networks.ts";
import type { SwarmNode } from "../swarm-node.ts";
import { parseFilters } from "../wire/filters.ts";
import { type NetworkResource, renderNetwork, type ShownNetwork } from "../wire/render-network.ts";
import { saysIPv4 } from "./inspect-route.ts";
import { knownNetworks, localUse } from "./known-networks.ts";
import { checkNetworkFilters, matchesNetworkFilters } from "./network-filters.ts";

/** The swarm's networks by id, then the engine's in its own order. */
export const listRoute = ({ engine, swarm }: NetworkContext): MergedRoute => ({
  method: "GET",
  path: "/networks",
  async handle(request) {
    const { apiVersion, query, signal } = request;
    const known = knownNetworks(swarm);
    if (known.length === 0) return { passThrough: {} };
    // The engine judges the query first, in the words of its version.
    const local = await engine.json<readonly NetworkResource[]>("GET", `/v${apiVersion}/networks?${query}`, { signal });
    const filters = parseFilters(query);
    checkNetworkFilters(filters);
    const matching = known
      .map((network) => renderListed(swarm, network, saysIPv4(request)))
      .filter((network) => matchesNetworkFilters(network, filters, () => isInUse(swarm, network.Id)));
    return { status: 200, json: [...matching, ...local] };
  },
});

/** Managers show no local use in lists, as they answer from the store. */
const renderListed = (swarm: SwarmNode, network: ShownNetwork, withIPv4: boolean) => {
  const local = swarm.manager() ? undefined : localUse(swarm.networks(), network.id);
  return renderNetwork(network, { withIPv4, local: local && { ...local, containers: {} } });
};

/** What a worker shows at all is in use. */
function isInUse(swarm: SwarmNode, networkId: string): boolean {
  const reader = swarm.manager()?.store.view();
  const network = reader?.get("network", networkId);
  return !reader || !network || networkUser(reader, network) !== undefined;
}
