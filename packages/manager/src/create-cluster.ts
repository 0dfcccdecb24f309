import {
  type Availability,
  type Clock,
  type Cluster,
  type ClusterId,
  type ClusterSpec,
  type Node,
  type NodeId,
  newId,
  newJoinToken,
  timestamp,
} from "@skep/model";
import type { Store } from "@skep/store";
import { certificateExpiryMs, createCsr, createRootCa, issueCertificate } from "./ca/index.ts";

export interface NewCluster {
  readonly spec: ClusterSpec;
  readonly availability: Availability;
  /** Where this first manager is reached, `address:port`. */
  readonly advertiseAddr: string;
  readonly address: string;
  readonly defaultAddrPool: readonly string[];
  readonly subnetSize: number;
  readonly dataPathPort: number;
}

/** What the first manager keeps to be recognised by its own swarm. */
export interface ManagerIdentity {
  readonly nodeId: NodeId;
  readonly clusterId: ClusterId;
  readonly certPem: string;
  readonly keyPem: string;
  readonly rootCaPem: string;
}

/** Writes a new swarm with this node as its only member into an empty store (`swarm-api.md` section 3.1). */
export async function createCluster(store: Store, clock: Clock, request: NewCluster): Promise<ManagerIdentity> {
  const nodeId = newId<"node">();
  const clusterId = newId<"cluster">();
  const [rootCa, { csrPem, keyPem }] = await Promise.all([createRootCa(clock), createCsr()]);
  const certPem = await issueCertificate({
    csrPem,
    rootCa,
    nodeId,
    role: "manager",
    clusterId,
    expiryMs: certificateExpiryMs(request.spec),
    clock,
  });
  await store.update((tx) => {
    tx.put("cluster", {
      ...unwritten,
      id: clusterId,
      spec: request.spec,
      rootCa,
      joinTokens: { worker: newJoinToken(rootCa.certPem), manager: newJoinToken(rootCa.certPem) },
      defaultAddrPool: request.defaultAddrPool,
      subnetSize: request.subnetSize,
      dataPathPort: request.dataPathPort,
      blockedNodes: {},
    } satisfies Cluster);
    tx.put("node", {
      ...unwritten,
      id: nodeId,
      spec: { Labels: {}, Role: "manager", Availability: request.availability },
      status: { state: "unknown", addr: request.address, since: timestamp(clock.now()) },
      manager: { addr: request.advertiseAddr, leader: true, reachability: "reachable" },
    } satisfies Node);
  });
  return { nodeId, clusterId, certPem, keyPem, rootCaPem: rootCa.certPem };
}

/** The store fills these in. */
const unwritten = { version: 0, createdAt: "", updatedAt: "" } as const;
