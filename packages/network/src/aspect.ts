import type { NetworkId, NodeId, ServiceId, TaskId } from "@skep/model";
import type { Item } from "./items/item.ts";
import type { NetworkState } from "./network-state.ts";
import { portKey } from "./network-state.ts";

/**
 * A part of what the kernel should hold that changes as one, named after what it follows from. A changed record touches
 * some aspects; only those are derived again.
 */
export type Aspect =
  /** The node's own namespace, apart from what single records add to it. */
  | "host"
  | "gateway"
  /** A network's router on this node, likewise. */
  | `router/${NetworkId}`
  | `subnets/${NetworkId}`
  | `peer/${NodeId}`
  /** A node as one that has endpoints on a network. */
  | `member/${NetworkId}/${NodeId}`
  /** The way to an endpoint on another node. */
  | `route/${NetworkId}/${TaskId}`
  | `vip/${NetworkId}/${ServiceId}`
  /** A port, `tcp/8080`, that is published on every node. */
  | `port/${string}`
  /** A container of this node. */
  | `container/${string}`;

/** An item and the namespace it belongs into. */
export interface Placed {
  readonly place: Place;
  readonly item: Item;
}

/** `host`, the name of a router under `/run/netns`, or `container/<id>`. */
export type Place = string;

export const hostPlace: Place = "host";
export const containerPlace = (containerId: string): Place => `container/${containerId}`;
export const isContainerPlace = (place: Place): boolean => place.startsWith("container/");

export const at = (place: Place, items: readonly Item[]): Placed[] => items.map((item) => ({ place, item }));

/** Everything that is derived from what a network has on this node. */
export function* aspectsOfNetwork(state: NetworkState, id: NetworkId): Iterable<Aspect> {
  yield `router/${id}`;
  yield `subnets/${id}`;
  for (const node of state.peers.keys()) yield `member/${id}/${node}`;
  for (const task of state.endpointsOnNetwork.get(id)) yield `route/${id}/${task}`;
  for (const service of state.servicesOnNetwork.get(id)) yield `vip/${id}/${service}`;
  for (const container of state.attachmentsOnNetwork.get(id)) yield `container/${container}`;
}

/** Everything that follows from the gateway router's being there, and from the ingress network. */
export function* aspectsOfGateway(state: NetworkState): Iterable<Aspect> {
  yield "host";
  yield "gateway";
  const { ingress } = state;
  if (ingress) yield* aspectsOfNetwork(state, ingress.id);
  for (const node of state.peers.keys()) yield `peer/${node}`;
  for (const port of state.servicesOnPort.keys()) yield `port/${port}`;
  for (const container of state.outgoing) yield `container/${container}`;
}

export function* allAspects(state: NetworkState): Iterable<Aspect> {
  yield* aspectsOfGateway(state);
  for (const id of state.networks.keys()) yield* aspectsOfNetwork(state, id);
  for (const container of state.attachments.keys()) yield `container/${container}`;
}

export const portAspect = (port: Parameters<typeof portKey>[0]): Aspect => `port/${portKey(port)}`;
