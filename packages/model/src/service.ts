import type { NetworkId, ServiceId } from "./ids.ts";
import type { Meta } from "./meta.ts";
import type { EndpointSpec, PortConfig, ServiceSpec } from "./service-spec.ts";

export interface Service extends Meta {
  readonly id: ServiceId;
  readonly spec: ServiceSpec;
  /** Counts the specs this service has had, from 1; tasks remember the one they were made from. */
  readonly specVersion: number;
  /** One generation only; absent after an automatic rollback. */
  readonly previousSpec?: ServiceSpec;
  readonly updateStatus?: UpdateStatus;
  readonly endpoint: Endpoint;
  /** The `X-Registry-Auth` header of the last create or update that had one, for the nodes' pulls. */
  readonly registryAuth?: string;
  readonly previousRegistryAuth?: string;
}

/** Where a rolling update or a rollback stands. */
export interface UpdateStatus {
  readonly state: "updating" | "paused" | "completed" | "rollback_started" | "rollback_paused" | "rollback_completed";
  readonly startedAt?: string;
  readonly completedAt?: string;
  readonly message: string;
}

export interface Endpoint {
  readonly spec?: EndpointSpec;
  readonly ports?: readonly PortConfig[];
  readonly virtualIps?: readonly { readonly networkId: NetworkId; readonly address?: string }[];
}
