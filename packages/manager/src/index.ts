export * from "./ca/index.ts";
export * from "./control/index.ts";
export { createCluster, type ManagerIdentity, type NewCluster } from "./create-cluster.ts";
export * from "./discovery/index.ts";
export {
  Dispatcher,
  type DispatcherOptions,
  type PortHolder,
  type ProbedPort,
  type Progress,
  type ServerCertificate,
} from "./dispatcher/index.ts";
export { Manager, type ManagerOptions } from "./manager.ts";
export * from "./orchestrator/index.ts";
export * from "./scheduler/index.ts";
