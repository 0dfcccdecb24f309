import type { Clock } from "@skep/model";
import type { Route } from "../router.ts";
import type { SwarmNode } from "../swarm-node.ts";
import { logRoutes } from "./logs.ts";
import { nodeRoutes } from "./nodes.ts";
import { serviceRoutes } from "./services.ts";
import { swarmRoutes } from "./swarm.ts";
import { taskRoutes } from "./tasks.ts";

export interface ClusterRouteOptions {
  readonly swarm: SwarmNode;
  readonly clock: Clock;
}

/** Everything under /swarm, /nodes, /services and /tasks. */
export const clusterRoutes = (options: ClusterRouteOptions): readonly Route[] => [
  ...swarmRoutes(options),
  ...nodeRoutes(options),
  ...serviceRoutes(options),
  ...taskRoutes(options),
  ...logRoutes(options),
];
