import { tlsInfo } from "@skep/manager";
import type { Cluster, ClusterSpec } from "@skep/model";
import { renderMeta } from "./render-meta.ts";

/** The swarm as `GET /swarm` shows it, with its join tokens. */
export const renderSwarm = (cluster: Cluster) => ({
  ...renderCluster(cluster),
  JoinTokens: { Worker: cluster.joinTokens.worker, Manager: cluster.joinTokens.manager },
});

/** The `Cluster` of `/info`: the same without the tokens. */
export const renderCluster = (cluster: Cluster) => ({
  ID: cluster.id,
  ...renderMeta(cluster),
  Spec: renderSpec(cluster.spec),
  TLSInfo: tlsInfo(cluster.rootCa.certPem),
  RootRotationInProgress: false,
  DefaultAddrPool: cluster.defaultAddrPool.length > 0 ? cluster.defaultAddrPool : null,
  SubnetSize: cluster.subnetSize,
  DataPathPort: cluster.dataPathPort,
});

/** The signing key never leaves the store. */
function renderSpec(spec: ClusterSpec): ClusterSpec {
  const { SigningCAKey: _, ...ca } = spec.CAConfig ?? {};
  return { ...spec, CAConfig: ca };
}
