export { attachContainer, detachContainer } from "./attachments.ts";
export { type ControlContext, detachedContext, type HeldPort } from "./context.ts";
export type { Filters } from "./filters.ts";
export { listServices, type ServiceStatus, serviceStatus } from "./list-services.ts";
export { listTasks } from "./list-tasks.ts";
export { lookUp } from "./look-up.ts";
export { isUsed, type NetworkUser, networkUser } from "./network-users.ts";
export { createNetwork, listNetworks, liveNetworks, pruneNetworks, removeNetwork } from "./networks.ts";
export { isAvailability, listNodes, removeNode, type SentNodeSpec, updateNode } from "./nodes.ts";
export { notYet, unimplemented } from "./not-yet.ts";
export { createService, removeService, type ServiceUpdate, updateService } from "./services.ts";
export { specDefaults, withDefaults } from "./spec-defaults.ts";
export { storedSpec } from "./stored-spec.ts";
export {
  clusterOf,
  defaultClusterSpec,
  defaultHeartbeatPeriod,
  defaultNodeCertExpiry,
  updateSwarm,
} from "./swarm.ts";
