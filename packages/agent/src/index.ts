export { Agent, type AgentOptions, type NodeIdentity, type StatusUpdate } from "./agent.ts";
export type { AttachmentChange } from "./network/attachments.ts";
export { followEndings } from "./network/container-endings.ts";
export { ContainerNetworks, type ContainerNetworksOptions } from "./network/container-networks.ts";
export type { ContainerRecord, WantedAttachment } from "./network/container-record.ts";
export { ContainerRecords } from "./network/container-records.ts";
export { type ResolverDefaults, resolverConfig } from "./network/network-config.ts";
export type { SwarmCalls } from "./network/swarm-calls.ts";
export { ndotsOf } from "./network/task-interfaces.ts";
export {
  type CertificateRequest,
  type Identity,
  joinSwarm,
  leaveSwarm,
  ManagerSession,
  renewIdentity,
  runCertificateRenewal,
  type SessionState,
} from "./session/index.ts";
export { engineOnlyHooks, type TaskHooks } from "./task/task-hooks.ts";
