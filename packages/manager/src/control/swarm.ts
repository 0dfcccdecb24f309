import { type Cluster, type ClusterSpec, DomainError, outOfSequence, rpcError } from "@skep/model";
import type { Reader, Store } from "@skep/store";
import { notYet, unimplemented } from "./not-yet.ts";

const second = 1e9;
const hour = 3600 * second;

/** Nanoseconds; also what a `NodeCertExpiry` of 0 means. */
export const defaultNodeCertExpiry = 90 * 24 * hour;

/**
 * Nanoseconds; also what a `HeartbeatPeriod` of 0 means. Docker's own default is 5 s. The CLI sends 0 unless
 * `--dispatcher-heartbeat` is given, so a zero is "not chosen" and any other value, 5 s too, is the operator's choice.
 */
export const defaultHeartbeatPeriod = 1 * second;

/** Nanoseconds. Not Docker's: nodes would be found down by the manager's own scheduling delays. */
const shortestHeartbeatPeriod = second / 10;

/** The swarm's one cluster object; absent only before the node that makes it has stored it. */
export const clusterOf = (reader: Reader): Cluster | undefined => reader.find("cluster", "name", "default")[0];

/**
 * The spec of a new swarm: what `POST /swarm/init` sent, with defaults for everything that is absent, zero or empty
 * (`swarm-api.md` 3.3). Throws what init refuses.
 */
export function defaultClusterSpec(sent: ClusterSpec): ClusterSpec {
  const spec = storedClusterSpec({
    ...sent,
    Orchestration: { TaskHistoryRetentionLimit: sent.Orchestration?.TaskHistoryRetentionLimit ?? 5 },
    Raft: withRaftDefaults(sent.Raft),
    Dispatcher: { HeartbeatPeriod: sent.Dispatcher?.HeartbeatPeriod || defaultHeartbeatPeriod },
    CAConfig: { ...sent.CAConfig, NodeCertExpiry: sent.CAConfig?.NodeCertExpiry || defaultNodeCertExpiry },
  });
  validateClusterSpec(spec);
  refuseLockAndAuthority(spec, undefined);
  return spec;
}

const withRaftDefaults = (raft: ClusterSpec["Raft"] = {}) => ({
  SnapshotInterval: raft.SnapshotInterval || 10_000,
  KeepOldSnapshots: raft.KeepOldSnapshots ?? 0,
  LogEntriesForSlowFollowers: raft.LogEntriesForSlowFollowers || 500,
  ElectionTick: raft.ElectionTick || 10,
  HeartbeatTick: raft.HeartbeatTick || 1,
});

/** Replaces the whole spec: what was left out is zero afterwards, not what it was before. */
export async function updateSwarm(store: Store, version: number, sent: ClusterSpec): Promise<void> {
  const spec = storedClusterSpec(sent);
  validateClusterSpec(spec);
  await store.update((tx) => {
    const cluster = clusterOf(tx);
    if (!cluster) throw rpcError("NotFound", "cluster default not found");
    refuseLockAndAuthority(spec, cluster);
    if (cluster.version !== version) throw outOfSequence();
    tx.put("cluster", { ...cluster, spec });
  });
}

/** The shape in which `GET /swarm` shows a spec: some zeros are written out, most are not (moby's `convert/swarm.go`). */
function storedClusterSpec(sent: ClusterSpec): ClusterSpec {
  const name = sent.Name || "default";
  if (name !== "default") throw new DomainError("invalid-parameter", 'swarm spec must be named "default"');
  const { NodeCertExpiry, ExternalCAs, SigningCACert, SigningCAKey, ForceRotate } = sent.CAConfig ?? {};
  const heartbeat = sent.Dispatcher?.HeartbeatPeriod;
  const logDriver = sent.TaskDefaults?.LogDriver;
  return {
    Name: name,
    Labels: sent.Labels ?? {},
    Orchestration: { TaskHistoryRetentionLimit: sent.Orchestration?.TaskHistoryRetentionLimit ?? 0 },
    Raft: storedRaft(sent.Raft),
    Dispatcher: heartbeat ? { HeartbeatPeriod: heartbeat } : {},
    CAConfig: {
      ...(NodeCertExpiry && { NodeCertExpiry }),
      ...(ExternalCAs?.length && { ExternalCAs }),
      ...(SigningCACert && { SigningCACert }),
      ...(SigningCAKey && { SigningCAKey }),
      ...(ForceRotate && { ForceRotate }),
    },
    TaskDefaults: logDriver ? { LogDriver: logDriver } : {},
    EncryptionConfig: { AutoLockManagers: sent.EncryptionConfig?.AutoLockManagers ?? false },
  };
}

function storedRaft(raft: ClusterSpec["Raft"] = {}): Record<string, number> {
  const { SnapshotInterval, KeepOldSnapshots, LogEntriesForSlowFollowers, ElectionTick, HeartbeatTick } = raft;
  return {
    ...(SnapshotInterval && { SnapshotInterval }),
    KeepOldSnapshots: KeepOldSnapshots ?? 0,
    ...(LogEntriesForSlowFollowers && { LogEntriesForSlowFollowers }),
    ElectionTick: ElectionTick ?? 0,
    HeartbeatTick: HeartbeatTick ?? 0,
  };
}

function validateClusterSpec(spec: ClusterSpec): void {
  const expiry = spec.CAConfig?.NodeCertExpiry ?? 0;
  if (expiry !== 0 && expiry < hour) {
    throw rpcError("InvalidArgument", "minimum certificate expiry time is: 1h0m0s");
  }
  const heartbeat = spec.Dispatcher?.HeartbeatPeriod ?? 0;
  if (heartbeat < 0) throw rpcError("InvalidArgument", "heartbeat time period cannot be a negative duration");
  if (heartbeat !== 0 && heartbeat < shortestHeartbeatPeriod) {
    throw rpcError("InvalidArgument", "minimum heartbeat time period is: 100ms");
  }
}

/** 501 for a spec that asks to lock the managers or to touch the certificate authority. */
function refuseLockAndAuthority(spec: ClusterSpec, current: Cluster | undefined): void {
  if (spec.EncryptionConfig?.AutoLockManagers) throw unimplemented(notYet.autolock);
  const { ForceRotate = 0, SigningCACert, SigningCAKey, ExternalCAs } = spec.CAConfig ?? {};
  const rotates = ForceRotate !== (current?.spec.CAConfig?.ForceRotate ?? 0);
  if (rotates || SigningCACert || SigningCAKey || ExternalCAs) throw unimplemented(notYet.caRotation);
}
