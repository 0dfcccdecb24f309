import { millisecondsOf } from "@skep/model";

/** What is read of the Engine API's own objects; a spec goes back whole, with whatever else it has. */
export interface ServiceObject {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: SpecObject;
  readonly UpdateStatus?: { readonly State?: string };
}

export interface SpecObject {
  readonly Name: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly TaskTemplate?: { readonly ContainerSpec?: { readonly Image?: string } };
  readonly Mode?: { readonly Replicated?: { readonly Replicas?: number } };
  readonly UpdateConfig?: { readonly Monitor?: number };
}

export interface NodeObject {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Labels?: Labels | null; readonly Role?: string; readonly Availability?: string };
  readonly Description?: { readonly Hostname?: string; readonly Engine?: { readonly Labels?: Labels | null } };
  readonly Status?: { readonly State?: string; readonly Addr?: string };
}

export interface TaskObject {
  readonly ID: string;
  readonly ServiceID: string;
  readonly NodeID?: string;
  readonly Slot?: number;
  readonly DesiredState: string;
  readonly Status: { readonly State: string };
  readonly NetworksAttachments?: readonly {
    readonly Network?: { readonly Spec?: { readonly Name?: string } };
    /** `10.0.1.5/24` */
    readonly Addresses?: readonly string[];
  }[];
}

export interface EventObject {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string };
}

export type Labels = Readonly<Record<string, string>>;

/** A service of the swarm, as far as it matters to a proxy. */
export interface SwarmService {
  readonly id: string;
  readonly name: string;
  /** Grows with every change of the service. */
  readonly version: number;
  readonly labels: Labels;
  /** Undefined for a global service, and for jobs. */
  readonly replicas: number | undefined;
  readonly image: string;
  /** `updating`, `completed`, `paused`, `rollback_started`, ...; empty when it was never updated. */
  readonly updateState: string;
  /** How long a task must run to count as well. */
  readonly monitorMs: number;
}

/** 5 s, as swarmkit's. */
const defaultMonitorNs = 5e9;

export function toSwarmService({ ID, Version, Spec, UpdateStatus }: ServiceObject): SwarmService {
  const { Replicated } = Spec.Mode ?? {};
  return {
    id: ID,
    name: Spec.Name,
    version: Version.Index,
    labels: Spec.Labels ?? {},
    replicas: Replicated ? (Replicated.Replicas ?? 1) : undefined,
    image: Spec.TaskTemplate?.ContainerSpec?.Image ?? "",
    updateState: UpdateStatus?.State ?? "",
    monitorMs: millisecondsOf(Spec.UpdateConfig?.Monitor || defaultMonitorNs),
  };
}

export interface SwarmNode {
  readonly id: string;
  readonly version: number;
  readonly hostname: string;
  readonly address: string;
  /** `ready`, `down`, ... */
  readonly state: string;
  readonly role: string;
  readonly availability: string;
  readonly labels: Labels;
  readonly engineLabels: Labels;
}

export const toSwarmNode = ({ ID, Version, Spec, Description, Status }: NodeObject): SwarmNode => ({
  id: ID,
  version: Version.Index,
  hostname: Description?.Hostname ?? "",
  address: Status?.Addr ?? "",
  state: Status?.State ?? "",
  role: Spec.Role ?? "",
  availability: Spec.Availability ?? "",
  labels: Spec.Labels ?? {},
  engineLabels: Description?.Engine?.Labels ?? {},
});
