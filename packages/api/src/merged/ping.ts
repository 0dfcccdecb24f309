import type { Route, TextResponse } from "../router.ts";
import type { SwarmStatus } from "../swarm-node.ts";
import type { MergeContext } from "./merge-context.ts";

/** Clients negotiate by it; it is answered without an engine too, so that cluster commands work. */
export function pingRoutes({ identity, swarm }: MergeContext): Route[] {
  const ping = async (text: string): Promise<TextResponse> => {
    const { builderVersion } = await identity.refresh();
    const headers = {
      // Clients ping first. Their next request then comes over a connection of its own, where `first-request.ts` sees it.
      Connection: "close",
      ...(builderVersion === undefined ? {} : { "Builder-Version": builderVersion }),
      "Cache-Control": "no-cache, no-store, must-revalidate",
      Pragma: "no-cache",
      Swarm: swarmHeader(swarm.status()),
    };
    return { status: 200, headers, text };
  };
  return [
    { method: "GET", path: "/_ping", handle: () => ping("OK") },
    { method: "HEAD", path: "/_ping", handle: () => ping("") },
  ];
}

/** `inactive`, `pending`, `error`, `locked`, `active/worker` or `active/manager`. */
const swarmHeader = ({ state, role }: SwarmStatus): string =>
  state === "active" ? `active/${role ?? "worker"}` : state;
