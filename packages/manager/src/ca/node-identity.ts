import { X509Certificate } from "node:crypto";
import type { ClusterId, NodeId, NodeRole } from "@skep/model";

/** Who a certificate says its owner is: `CN`, `OU` and `O` of its subject, as in swarmkit. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly role: NodeRole;
  readonly clusterId: ClusterId;
}

export const unitOf: Record<NodeRole, string> = { worker: "swarm-worker", manager: "swarm-manager" };

/** Undefined when the subject names no node. That the certificate can be trusted must be known already. */
export function identityOf(certificate: X509Certificate | string): NodeIdentity | undefined {
  const parsed = typeof certificate === "string" ? new X509Certificate(certificate) : certificate;
  const { CN, OU, O } = parsed.toLegacyObject().subject as Partial<Record<"CN" | "OU" | "O", string | string[]>>;
  const role = OU === unitOf.worker ? "worker" : OU === unitOf.manager ? "manager" : undefined;
  if (typeof CN !== "string" || typeof O !== "string" || !role) return undefined;
  return { nodeId: CN as NodeId, role, clusterId: O as ClusterId };
}
