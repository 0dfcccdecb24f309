import { createRoute } from "../containers/create-route.ts";
import { inspectRoute } from "../containers/inspect-route.ts";
import { listRoute } from "../containers/list-route.ts";
import { startRoutes } from "../containers/start-routes.ts";
import type { MergeContext } from "./merge-context.ts";
import type { MergedRoute } from "./merged-route.ts";

/** Containers are the engine's; those on networks of the swarm are made and shown with skep's part. */
export const containerRoutes = (context: MergeContext): MergedRoute[] => [
  createRoute(context),
  inspectRoute(context),
  listRoute(context),
  ...startRoutes(context),
];
