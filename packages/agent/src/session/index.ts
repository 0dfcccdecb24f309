export { type RenewalOptions, renewalTimeMs, runCertificateRenewal } from "./certificate-renewal.ts";
export type { CertificateRequest, Identity } from "./identity.ts";
export {
  ManagerSession,
  type ManagerSessionOptions,
  type SessionHandlers,
  type SessionState,
} from "./manager-session.ts";
export { fetchRootCa, type JoinOptions, joinSwarm, leaveSwarm, renewIdentity } from "./membership.ts";
export type { StatusUpdate } from "./status-outbox.ts";
