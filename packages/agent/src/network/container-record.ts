import type { NetworkId, PublishedPort, TaskId } from "@skep/model";
import type { EngineFields } from "../task/engine-fields.ts";

/**
 * What this node remembers of a container that starts under skep's runtime, from its creation to its removal: enough to
 * attach it again when the engine restarts it, whether a manager can be asked or not.
 */
export interface ContainerRecord {
  readonly containerId: string;
  readonly name: string;
  /** The task it is; absent for containers that an operator made by hand. */
  readonly taskId?: TaskId;
  /** A task's own first; those made by hand are allocated at each start. */
  readonly interfaces: readonly RecordedInterface[];
  /** Of a task that publishes ports in the mesh: its address on the ingress network. */
  readonly ingress?: RecordedInterface;
  /** Where it is to be attached by hand, beside the networks of its task, if it is one's. */
  readonly byHand?: readonly WantedAttachment[];
  readonly hostPorts: readonly PublishedPort[];
  /** The service's (or the operator's) own DNS servers. */
  readonly servers: readonly string[];
  /**
   * The engine has it on networks of its own, under a runtime of its own: no hook tells of its start, and its resolver is
   * the engine's.
   */
  readonly underEngine?: true;
  /** `HostConfig` as its operator gave it, where the engine was given something else. */
  readonly asked?: EngineFields;
  /** Attachments that no manager could be told the end of. */
  readonly unreleased?: readonly TaskId[];
  /** The resolver option of that name, when it is given. */
  readonly ndots?: number;
}

export interface RecordedInterface {
  readonly taskId: TaskId;
  readonly networkId: NetworkId;
  /** With the subnet's length. */
  readonly address: string;
}

/** One `--network` of a `docker run`, or one `docker network connect`. */
export interface WantedAttachment {
  readonly networkId: NetworkId;
  readonly aliases: readonly string[];
  /** Bare. */
  readonly address?: string;
}
