import {
  type Availability,
  type Clock,
  type Cluster,
  type ClusterId,
  type ClusterSpec,
  DomainError,
  type Node,
  type NodeId,
  newId,
  newJoinToken,
  timestamp,
} from "@skep/model";
import type { Store } from "@skep/store";
import { claimDataPath, Ipam, ipv4Of, putEngineNetworks, putIngressNetwork } from "./allocator/index.ts";
import { certificateExpiryMs, createCsr, createRootCa, issueCertificate } from "./ca/index.ts";

export interface NewCluster {
  readonly spec: ClusterSpec;
  readonly availability: Availability;
  /** Where this first manager is reached, `address:port`. */
  readonly advertiseAddr: string;
  readonly address: string;
  /** Where its overlays are reached, IPv4; empty: `address`. */
  readonly dataPathAddr?: string;
  /** As `NodeDescription.Routes`, of this node: the ingress network keeps away from them. */
  readonly routes?: readonly string[];
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
  const dataPathAddress = dataPathAddressOf(request);
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
    const cluster: Cluster = {
      ...unwritten,
      id: clusterId,
      spec: request.spec,
      rootCa,
      joinTokens: { worker: newJoinToken(rootCa.certPem), manager: newJoinToken(rootCa.certPem) },
      defaultAddrPool: request.defaultAddrPool,
      subnetSize: request.subnetSize,
      dataPathPort: request.dataPathPort,
      blockedNodes: {},
    };
    tx.put("cluster", cluster);
    putEngineNetworks(tx);
    putIngressNetwork(tx, cluster, new Ipam(), request.routes);
    tx.put("node", {
      ...unwritten,
      id: nodeId,
      spec: { Labels: {}, Role: "manager", Availability: request.availability },
      status: { state: "unknown", addr: request.address, since: timestamp(clock.now()) },
      dataPath: claimDataPath([], dataPathAddress),
      manager: { addr: request.advertiseAddr, leader: true, reachability: "reachable" },
    } satisfies Node);
  });
  return { nodeId, clusterId, certPem, keyPem, rootCaPem: rootCa.certPem };
}

function dataPathAddressOf({ dataPathAddr, address }: NewCluster): string {
  const wanted = dataPathAddr || address;
  const found = ipv4Of(wanted);
  if (found) return found;
  throw new DomainError(
    "invalid-parameter",
    `data path address ${wanted} is not an IPv4 address, which overlay networks need: give one with --data-path-addr`,
  );
}

/** The store fills these in. */
const unwritten = { version: 0, createdAt: "", updatedAt: "" } as const;
