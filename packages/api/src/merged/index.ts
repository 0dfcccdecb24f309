import { containerRoutes } from "./containers.ts";
import { eventRoutes } from "./events.ts";
import { infoRoutes } from "./info.ts";
import type { MergeContext } from "./merge-context.ts";
import type { MergedRoute } from "./merged-route.ts";
import { networkRoutes } from "./networks.ts";
import { notYetRoutes } from "./not-yet.ts";
import { pingRoutes } from "./ping.ts";
import { versionRoutes } from "./version.ts";

/** The routes whose answers are partly the engine's, and those that a later version will have. */
export const mergedRoutes = (context: MergeContext): MergedRoute[] => [
  ...pingRoutes(context),
  ...versionRoutes(context),
  ...infoRoutes(context),
  ...eventRoutes(context),
  ...containerRoutes(context),
  ...networkRoutes(context),
  ...notYetRoutes(context),
];
