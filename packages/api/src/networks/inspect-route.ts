import { engineNetworks, isIngress } from "@skep/model";
import type { MergedRequest, MergedRoute } from "../merged/merged-route.ts";
import type { NetworkContext } from "../merged/networks.ts";
import type { SwarmNode } from "../swarm-node.ts";
import { strictFlag } from "../wire/query.ts";
import { renderNetwork, type ShownNetwork } from "../wire/render-network.ts";
import { type FoundNetwork, findInSwarm, findNetwork } from "./find-network.ts";
import { knownNetworks, localUse } from "./known-networks.ts";
import { membersInStore, membersKnownTo, type NetworkMembers } from "./network-members.ts";
import { renderMembers } from "./render-members.ts";
import { renderVersions } from "./render-versions.ts";

/** `GET /networks/{id}`, with `scope` and `verbose`. */
export const inspectRoute = ({ engine, swarm }: NetworkContext): MergedRoute => ({
  method: "GET",
  path: "/networks/{id}",
  async handle(request) {
    const verbose = strictFlag(request.query, "verbose");
    const found = await find(engine, swarm, request);
    if (found.of === "engine") return { passThrough: {} };
    return { status: 200, json: renderInspected(swarm, found.network, { verbose, withIPv4: saysIPv4(request) }) };
  },
});

/** Engines from 28 on tell whether a network has IPv4. */
export const saysIPv4 = (request: Pick<MergedRequest, "atLeast">): boolean => request.atLeast("1.48");

async function find(engine: NetworkContext["engine"], swarm: SwarmNode, request: MergedRequest): Promise<FoundNetwork> {
  const scope = request.query.get("scope") ?? "";
  const term = request.params.id ?? "";
  const candidates = knownNetworks(swarm);
  if (scope === "swarm" || isEngineNetworkId(term)) {
    const network = findInSwarm(swarm, term, candidates);
    return network ? { of: "swarm", network } : { of: "engine" };
  }
  return findNetwork(term, { engine, request, candidates: scope === "" ? candidates : [] });
}

/** Services have them among their networks, and the CLI asks for their names. */
const isEngineNetworkId = (term: string): boolean => Object.values<string>(engineNetworks).includes(term);

interface Wanted {
  readonly verbose: boolean;
  readonly withIPv4: boolean;
}

function renderInspected(swarm: SwarmNode, network: ShownNetwork, { verbose, withIPv4 }: Wanted) {
  const local = localUse(swarm.networks(), network.id);
  const shown = renderNetwork(network, { local, withIPv4 });
  if (!verbose) return shown;
  const services = renderMembers(network.id, membersOf(swarm, network));
  return {
    ...shown,
    ...(Object.keys(services).length > 0 && { Services: services }),
    ...renderVersions(swarm, network),
  };
}

export function membersOf(swarm: SwarmNode, network: ShownNetwork): NetworkMembers {
  const manager = swarm.manager();
  if (manager) return membersInStore(manager.store.view(), network.id, isIngress(network));
  const node = swarm.networks();
  return node ? membersKnownTo(node, network.id, isIngress(network)) : { services: [], endpoints: [] };
}
