export { type RenewalOptions, renewalTimeMs, runCertificateRenewal } from "./certificate-renewal.ts";
export type { CertificateRequest, Identity } from "./identity.ts";
export { ManagerSession, type ManagerSessionOptions, type SessionState } from "./manager-session.ts";
export { fetchRootCa, type JoinOptions, joinSwarm, leaveSwarm, renewIdentity } from "./membership.ts";
export type { SessionHandlers } from "./session-handlers.ts";
export type { StatusUpdate } from "./status-outbox.ts";
