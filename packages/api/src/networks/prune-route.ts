import { pruneNetworks } from "@skep/manager";
import type { MergedRoute } from "../merged/merged-route.ts";
import type { NetworkContext } from "../merged/networks.ts";
import { parseFilters } from "../wire/filters.ts";

/** `POST /networks/prune`: on managers the swarm's unused networks too. */
export const pruneRoute = ({ engine, swarm, clock }: NetworkContext): MergedRoute => ({
  method: "POST",
  path: "/networks/prune",
  async handle({ apiVersion, query, signal }) {
    const manager = swarm.manager();
    if (!manager) return { passThrough: {} };
    // The engine goes first: it judges the filters, before anything is removed from the swarm.
    const local = await engine.json<PruneReport>("POST", `/v${apiVersion}/networks/prune?${query}`, { signal });
    const filters = parseFilters(query);
    const ours = await pruneNetworks(manager.store, clock, filters);
    const names = [...ours, ...(local.NetworksDeleted ?? [])];
    return { status: 200, json: { NetworksDeleted: names.length > 0 ? names : null } };
  },
});

interface PruneReport {
  readonly NetworksDeleted?: readonly string[] | null;
}
