import type { ClusterId, NodeId } from "./ids.ts";
import type { Labels, Meta } from "./meta.ts";

/** The one object that is the swarm itself; its name is always `default`. */
export interface Cluster extends Meta {
  readonly id: ClusterId;
  readonly spec: ClusterSpec;
  readonly rootCa: { readonly certPem: string; readonly keyPem: string };
  /** Whole tokens, `SWMTKN-1-<digest>-<secret>`. */
  readonly joinTokens: { readonly worker: string; readonly manager: string };
  /** Empty: Docker's default, 10.0.0.0/8. */
  readonly defaultAddrPool: readonly string[];
  readonly subnetSize: number;
  readonly dataPathPort: number;
  /** Removed nodes whose certificates are refused until they expire (RFC 3339). */
  readonly blockedNodes: Readonly<Record<NodeId, string>>;
}

/** As the Engine API has it; every field may be absent, which then means zero (`swarm-api.md` section 3.4). */
export interface ClusterSpec {
  readonly Name?: string;
  readonly Labels?: Labels;
  readonly Orchestration?: { readonly TaskHistoryRetentionLimit?: number };
  readonly Raft?: Readonly<Record<string, number>>;
  /** Nanoseconds. */
  readonly Dispatcher?: { readonly HeartbeatPeriod?: number };
  readonly CAConfig?: {
    /** Nanoseconds. */
    readonly NodeCertExpiry?: number;
    readonly ExternalCAs?: readonly unknown[];
    readonly SigningCACert?: string;
    readonly SigningCAKey?: string;
    readonly ForceRotate?: number;
  };
  readonly TaskDefaults?: { readonly LogDriver?: { readonly Name?: string; readonly Options?: Labels } };
  readonly EncryptionConfig?: { readonly AutoLockManagers?: boolean };
}
