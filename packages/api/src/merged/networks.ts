import { connectRoutes } from "../networks/connect-routes.ts";
import { createRoute } from "../networks/create-route.ts";
import { inspectRoute } from "../networks/inspect-route.ts";
import { listRoute } from "../networks/list-route.ts";
import { pruneRoute } from "../networks/prune-route.ts";
import { removeRoute } from "../networks/remove-route.ts";
import { statusRoutes } from "../networks/status-routes.ts";
import type { MergeContext } from "./merge-context.ts";
import type { MergedRoute } from "./merged-route.ts";

/** The engine's own networks are its own matter; those of the swarm are answered beside them (`swarm-api.md` section 7). */
export const networkRoutes = (context: NetworkContext): MergedRoute[] => [
  listRoute(context),
  createRoute(context),
  pruneRoute(context),
  inspectRoute(context),
  removeRoute(context),
  ...connectRoutes(context),
  ...statusRoutes(context),
];

/** What the network routes need of it. */
export interface NetworkContext extends Pick<MergeContext, "swarm" | "clock"> {
  readonly engine: Pick<MergeContext["engine"], "json" | "text">;
}
