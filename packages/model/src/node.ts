import type { NodeId } from "./ids.ts";
import type { Labels, Meta } from "./meta.ts";
import type { DataPath } from "./network.ts";
import type { Resources } from "./service-spec.ts";

export interface Node extends Meta {
  readonly id: NodeId;
  readonly spec: NodeSpec;
  /** Told by the node at its first session and whenever it changes. */
  readonly description?: NodeDescription;
  readonly status: NodeStatus;
  /** Where its overlays are reached; allocated when it joins. */
  readonly dataPath?: DataPath;
  /** Managers only. */
  readonly manager?: { readonly addr: string; readonly leader: boolean; readonly reachability: Reachability };
}

export type Reachability = "unknown" | "unreachable" | "reachable";
export type NodeRole = "worker" | "manager";
export type Availability = "active" | "pause" | "drain";

/** As the Engine API has it. */
export interface NodeSpec {
  readonly Name?: string;
  readonly Labels?: Labels;
  readonly Role: NodeRole;
  readonly Availability: Availability;
}

export interface NodeStatus {
  readonly state: "unknown" | "down" | "ready" | "disconnected";
  readonly message?: string;
  /** The address the manager sees, without a port. */
  readonly addr: string;
  /** When `state` was entered, RFC 3339. */
  readonly since?: string;
}

/** As the Engine API has it. */
export interface NodeDescription {
  readonly Hostname: string;
  /** Architecture is the kernel's word (`x86_64`). */
  readonly Platform: { readonly Architecture: string; readonly OS: string };
  readonly Resources: Resources;
  readonly Engine: {
    readonly EngineVersion: string;
    readonly Labels?: Labels;
    readonly Plugins?: readonly { readonly Type: string; readonly Name: string }[];
  };
  readonly TLSInfo?: TlsInfo;
  /**
   * Destinations in the node's main routing table, CIDR, without the default route and without what skep itself has
   * put there: no overlay may have these addresses. Not part of the Engine API.
   */
  readonly Routes?: readonly string[];
}

/** The certificate authority a node trusts, or the cluster's own. */
export interface TlsInfo {
  /** PEM. */
  readonly TrustRoot: string;
  /** Base64 of the DER. */
  readonly CertIssuerSubject: string;
  readonly CertIssuerPublicKey: string;
}
