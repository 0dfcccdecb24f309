export { Agent, type AgentOptions, type NodeIdentity, type StatusUpdate } from "./agent.ts";
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
