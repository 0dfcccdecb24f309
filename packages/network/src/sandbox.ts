import type { NetworkId, PublishedPort, TaskId } from "@skep/model";

/** A running container of this node with its place in the swarm's networks. */
export interface Sandbox {
  /** 64 hex digits. */
  readonly containerId: string;
  /** Of the container's first process: `/proc/PID/ns/net` is its namespace. */
  readonly pid: number;
  /** Its interfaces in the order in which they get their names, `eth0` first (after those the engine made). */
  readonly interfaces: readonly SandboxInterface[];
  /**
   * Its interface in the node's gateway router: the way out and the way of published ports. `address` (with the
   * subnet's length) is its ingress address; absent: the node gives it one that only this node knows. Undefined for
   * containers that are on internal networks only and publish nothing.
   */
  readonly gateway: { readonly taskId: TaskId; readonly address?: string } | undefined;
  /** Published on this node alone; a `published` of 0 is replaced by a free port at the attachment. */
  readonly hostPorts: readonly PublishedPort[];
  readonly names: SandboxNames;
}

export interface SandboxInterface {
  /** The endpoint record that describes it. */
  readonly taskId: TaskId;
  readonly networkId: NetworkId;
  /** With the subnet's length. */
  readonly address: string;
}

/** What the container's resolver needs. */
export interface SandboxNames {
  /** Where names outside the swarm are asked for: the service's own servers; empty: the node's. */
  readonly servers: readonly string[];
  /**
   * Where the engine's own resolver listens on 127.0.0.11 in the container, if it has one: among `servers` it is
   * `engineResolverAddress`, as skep's resolver has taken its place.
   */
  readonly engineResolver?: { readonly udp: number; readonly tcp: number };
  /** As in the container's resolv.conf, when an operator chose it. */
  readonly ndots?: number;
}

/** In containers, a second name of the engine's resolver. */
export const engineResolverAddress = "127.0.0.12";
