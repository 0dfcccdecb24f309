export type { Filters } from "./filters.ts";
export { listServices, type ServiceStatus, serviceStatus } from "./list-services.ts";
export { listTasks } from "./list-tasks.ts";
export { lookUp } from "./look-up.ts";
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
