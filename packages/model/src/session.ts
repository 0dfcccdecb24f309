import type { ErrorCode } from "./errors.ts";
import type { NodeId, TaskId } from "./ids.ts";
import type { NetworkRecord, PublishedPort, RecordKey } from "./network-records.ts";
import type { Node, NodeDescription } from "./node.ts";
import type { TaskSpec } from "./service-spec.ts";
import type { Task, TaskStatus } from "./task.ts";

// What an agent and the dispatcher say to each other: one HTTP/2 stream per node over mutual TLS, one JSON object a
// line, in both directions. A new stream always starts from the full set, so neither side keeps a history to resend.

/** A task as its node gets it. */
export interface Assignment {
  readonly task: Task;
  /** Base64url JSON, as the CLI sent it. */
  readonly registryAuth?: string;
}

export type AgentMessage =
  /** First line of every stream. `appliedRevision` is the last one this agent process has carried out, 0 at start. */
  | { readonly type: "hello"; readonly description: NodeDescription; readonly appliedRevision: number }
  | { readonly type: "heartbeat" }
  | { readonly type: "description"; readonly description: NodeDescription }
  | { readonly type: "status"; readonly updates: readonly { readonly taskId: TaskId; readonly status: TaskStatus }[] }
  /** Everything up to `revision` has been taken over (containers may still be on their way). */
  | { readonly type: "applied"; readonly revision: number }
  /** The kernel and the DNS answers of this node are those of `revision`. */
  | { readonly type: "network-applied"; readonly revision: number; readonly problems: readonly NetworkProblem[] }
  /** Answers `probe-ports`: those that a process of this node has. */
  | { readonly type: "ports"; readonly id: string; readonly taken: readonly TakenPort[] };

/** What of the records this node cannot carry out, in the operator's words. */
export interface NetworkProblem {
  /** What it is about: `port tcp/8080`, `network web`. */
  readonly subject: string;
  readonly message: string;
}

export interface TakenPort extends Pick<PublishedPort, "protocol" | "published"> {
  /** `nginx (pid 123)`; absent when the node cannot tell. */
  readonly process?: string;
}

export type ManagerMessage =
  /** First line of every stream, and again whenever a part of it changes. */
  | {
      readonly type: "session";
      readonly node: Pick<Node, "id" | "spec">;
      readonly heartbeatPeriodMs: number;
      readonly managers: readonly { readonly nodeId: NodeId; readonly addr: string }[];
      /** UDP port of the overlays, on every node. */
      readonly dataPathPort: number;
      /** For tasks whose service names none. */
      readonly logDriver?: TaskSpec["LogDriver"];
    }
  | { readonly type: "assignments"; readonly revision: number; readonly assignments: readonly Assignment[] }
  | {
      readonly type: "changes";
      readonly revision: number;
      readonly put: readonly Assignment[];
      /** Tasks this node may forget: it removes what is left of them. */
      readonly remove: readonly TaskId[];
    }
  /** What the data plane has to know; `full`: in place of everything known before. */
  | {
      readonly type: "network";
      readonly revision: number;
      readonly full: boolean;
      readonly put: readonly NetworkRecord[];
      readonly remove: readonly RecordKey[];
    }
  /** Answered with `ports` and the same id. */
  | {
      readonly type: "probe-ports";
      readonly id: string;
      readonly ports: readonly Pick<PublishedPort, "protocol" | "published">[];
    }
  /** The agent answers with a `POST /logs/{id}` stream of its own on the same connection. */
  | { readonly type: "logs"; readonly id: string; readonly taskId: TaskId; readonly options: LogOptions }
  | { readonly type: "cancel-logs"; readonly id: string }
  /** The certificate should be renewed now (role or CA changed). */
  | { readonly type: "renew" }
  /** Last line of a stream that the manager ends by itself. */
  | { readonly type: "end"; readonly reason: string };

/** As the query of `GET /tasks/{id}/logs`. */
export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  /** Unix seconds, may have a fraction. */
  readonly since?: string;
  readonly until?: string;
  /** A number of lines, or `all`. */
  readonly tail?: string;
  readonly details: boolean;
}

/** Bodies of the calls of a joining or renewing node. */
export interface JoinRequest {
  readonly token: string;
  readonly csrPem: string;
  readonly availability?: Node["spec"]["Availability"];
  /** Host or host:port other nodes reach it at; empty: what the manager sees. */
  readonly advertiseAddr?: string;
  /** Address of its overlays; empty: that of `advertiseAddr`. */
  readonly dataPathAddr?: string;
}
export interface CertificateResponse {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly role: Node["spec"]["Role"];
  readonly certPem: string;
  readonly rootCaPem: string;
}

/**
 * `POST /settle`: answered with `{}` when every node that has a network of the task, down ones excepted, has
 * acknowledged its record as it is then. With `withdraw` the task is taken out of service first.
 */
export interface SettleRequest {
  readonly taskId: TaskId;
  readonly withdraw: boolean;
}

/** `POST /attach`: a container of this node joins a network by hand. Answered with the `Task` that stands for it. */
export interface AttachRequest {
  /** Id or name. */
  readonly network: string;
  readonly containerId: string;
  readonly containerName: string;
  /** Wanted, bare. */
  readonly address?: string;
  readonly aliases: readonly string[];
  readonly hostPorts: readonly PublishedPort[];
}

/** `POST /detach`: the container has left, or is gone. */
export interface DetachRequest {
  readonly taskId: TaskId;
}

/** Body of every call that was refused, as the `DomainError` it was refused with. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Header of a `POST /logs/{id}` that brings no log: the URI-encoded JSON of a `Refusal`. */
export const logRefusalHeader = "skep-refusal";
