import type { ClusterId, NodeId, NodeRole } from "@skep/model";

/** What makes this node a member of its swarm. */
export interface Identity {
  readonly nodeId: NodeId;
  readonly clusterId: ClusterId;
  readonly role: NodeRole;
  readonly certPem: string;
  readonly keyPem: string;
  readonly rootCaPem: string;
}

/** A new key with the request to certify it; `createCsr` of the manager's CA makes one. */
export interface CertificateRequest {
  readonly csrPem: string;
  readonly keyPem: string;
}
