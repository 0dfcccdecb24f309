import type { MergeContext } from "../merged/merge-context.ts";
import type { MergedRoute } from "../merged/merged-route.ts";
import { inspectAttached } from "./render-attached.ts";

/** The engine's answer; of a container that skep attaches, with its networks and ports. */
export const inspectRoute = ({ engine, swarm }: MergeContext): MergedRoute => ({
  method: "GET",
  path: "/containers/{id}/json",
  async handle({ params, query, apiVersion, signal }) {
    const networks = swarm.networks();
    if (!networks?.attachesAny) return { passThrough: {} };
    const path = `/v${apiVersion}/containers/${encodeURIComponent(params.id ?? "")}/json`;
    const details = await engine.json<{ readonly Id: string }>("GET", `${path}?${query}`, { signal });
    const attached = networks.container(details.Id);
    return attached ? { status: 200, json: inspectAttached({ ...details }, attached) } : { passThrough: {} };
  },
});
