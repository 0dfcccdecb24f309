export { type ApiServer, type ApiServerOptions, createApiServer } from "./api-server.ts";
export { canonicalKeys } from "./canonical-keys.ts";
export { ClusterEventLog } from "./cluster-event-log.ts";
export type { ListenTarget, TcpTarget } from "./listener.ts";
export * from "./require-manager.ts";
export * from "./router.ts";
export { type ClusterRouteOptions, clusterRoutes } from "./routes/cluster.ts";
export * from "./swarm-node.ts";
