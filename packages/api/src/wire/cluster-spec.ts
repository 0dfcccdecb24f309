import type { ClusterSpec } from "@skep/model";
import { decode, flagKept, integer, integerKept, labels, labelsKept, struct, structs, text } from "./schema.ts";

/** The spec of `POST /swarm/update`. */
export const parseClusterSpec = (body: unknown): ClusterSpec => decode(clusterSpec, body, "swarm.Spec");

export const clusterSpec = struct<ClusterSpec>("Spec", {
  Name: text,
  Labels: labelsKept,
  Orchestration: struct<NonNullable<ClusterSpec["Orchestration"]>>("OrchestrationConfig", {
    TaskHistoryRetentionLimit: integerKept("int"),
  }),
  Raft: struct<NonNullable<ClusterSpec["Raft"]>>("RaftConfig", {
    SnapshotInterval: integer("uint64"),
    KeepOldSnapshots: integerKept("uint64"),
    LogEntriesForSlowFollowers: integer("uint64"),
    ElectionTick: integerKept("int"),
    HeartbeatTick: integerKept("int"),
  }),
  Dispatcher: struct<NonNullable<ClusterSpec["Dispatcher"]>>("DispatcherConfig", { HeartbeatPeriod: integer() }),
  CAConfig: struct<NonNullable<ClusterSpec["CAConfig"]>>("CAConfig", {
    NodeCertExpiry: integer(),
    ExternalCAs: structs(struct("ExternalCA", { Protocol: text, URL: text, Options: labels, CACert: text })),
    SigningCACert: text,
    SigningCAKey: text,
    ForceRotate: integer("uint64"),
  }),
  TaskDefaults: struct<NonNullable<ClusterSpec["TaskDefaults"]>>("TaskDefaults", {
    LogDriver: struct("Driver", { Name: text, Options: labels }),
  }),
  EncryptionConfig: struct<NonNullable<ClusterSpec["EncryptionConfig"]>>("EncryptionConfig", {
    AutoLockManagers: flagKept,
  }),
});
