import { removeNetwork } from "@skep/manager";
import type { MergedRoute } from "../merged/merged-route.ts";
import type { NetworkContext } from "../merged/networks.ts";
import { requireManager } from "../require-manager.ts";
import { findNetwork } from "./find-network.ts";
import { knownNetworks } from "./known-networks.ts";

/** `DELETE /networks/{id}` */
export const removeRoute = ({ engine, swarm }: NetworkContext): MergedRoute => ({
  method: "DELETE",
  path: "/networks/{id}",
  async handle(request) {
    const found = await findNetwork(request.params.id ?? "", { engine, request, candidates: knownNetworks(swarm) });
    if (found.of === "engine") return { passThrough: {} };
    await removeNetwork(requireManager(swarm).store, found.network.id);
    return { status: 204 };
  },
});
