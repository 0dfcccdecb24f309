import {
  type EndpointRecord,
  type NetworkId,
  type NetworkRecord,
  type NodeId,
  type RecordKey,
  recordKey,
  type ServiceRecord,
  type TaskId,
} from "@skep/model";
import { type Aspect, allAspects, aspectsOfGateway, aspectsOfNetwork, portAspect } from "./aspect.ts";
import type { Attachment } from "./attachment.ts";
import { addressOn, isRouted, isTarget } from "./balancer/targets.ts";
import { hasManyPeers } from "./ingress/replies.ts";
import { namesOfEndpoint, namesOfService } from "./names.ts";
import type { NetworkState } from "./network-state.ts";
import { hasGateway, hasRouter } from "./overlay/presence.ts";

/** What follows from changes to the state and has to be looked at again; gathered while the state is changed. */
export class Touched {
  readonly aspects = new Set<Aspect>();
  /** By network, the names and addresses whose meaning may have changed. */
  readonly zones = new Map<NetworkId, ZoneTouched>();
  /** Endpoints as they were before, by id: what is remembered of connections to them may be void. */
  readonly endpoints = new Map<TaskId, EndpointBefore>();

  zone(network: NetworkId): ZoneTouched {
    const known = this.zones.get(network);
    if (known) return known;
    const zone = { whole: false, names: new Set<string>(), addresses: new Set<string>() };
    this.zones.set(network, zone);
    return zone;
  }
}

export interface ZoneTouched {
  /** The network itself has changed, come or gone. */
  whole: boolean;
  readonly names: Set<string>;
  readonly addresses: Set<string>;
}

export interface EndpointBefore {
  readonly record: EndpointRecord;
  readonly routed: boolean;
  readonly target: boolean;
}

/** Puts a record and tells what that touches. Costs what the change is worth, not what there is. */
export function putRecord(state: NetworkState, record: NetworkRecord, touched: Touched): void {
  const before = state.get(recordKey(record));
  if (before && JSON.stringify(before) === JSON.stringify(record)) return;
  changing(state, touched, localNetworks(state, before, record), () => {
    if (before) touchRecord(state, before, touched);
    state.put(record);
    touchRecord(state, record, touched);
  });
}

export function removeRecord(state: NetworkState, key: RecordKey, touched: Touched): void {
  const before = state.get(key);
  if (!before) return;
  changing(state, touched, localNetworks(state, before), () => {
    touchRecord(state, before, touched);
    state.remove(key);
  });
}

export function putAttachment(state: NetworkState, attachment: Attachment, touched: Touched): void {
  const before = state.attachments.get(attachment.sandbox.containerId);
  changing(state, touched, [...networksOf(before), ...networksOf(attachment)], () => {
    if (before) touchAttachment(state, before, touched);
    state.putAttachment(attachment);
    touchAttachment(state, attachment, touched);
  });
}

export function removeAttachment(state: NetworkState, containerId: string, touched: Touched): void {
  const before = state.attachments.get(containerId);
  if (!before) return;
  changing(state, touched, networksOf(before), () => {
    touchAttachment(state, before, touched);
    state.removeAttachment(containerId);
  });
}

/** Sizes of packets follow from the way to each peer. */
export function setPathMtu(state: NetworkState, node: NodeId, bytes: number | undefined, touched: Touched): void {
  if (state.pathMtus.get(node) === bytes) return;
  if (bytes === undefined) state.pathMtus.delete(node);
  else state.pathMtus.set(node, bytes);
  touchPeer(state, node, touched);
}

export function setUnderlayMtu(state: NetworkState, bytes: number, touched: Touched): void {
  if (state.underlayMtu === bytes) return;
  state.underlayMtu = bytes;
  addAll(touched.aspects, allAspects(state));
}

/** Carries a change out; where a router comes or goes by it, everything in that router is touched. */
function changing(state: NetworkState, touched: Touched, networks: Iterable<NetworkId>, change: () => void): void {
  const routers = new Map([...networks].map((id) => [id, hasRouter(state, id)]));
  const gateway = hasGateway(state);
  const manyPeers = hasManyPeers(state);
  change();
  for (const [id, had] of routers)
    if (hasRouter(state, id) !== had) addAll(touched.aspects, aspectsOfNetwork(state, id));
  if (hasGateway(state) !== gateway) for (const id of state.networks.keys()) touched.aspects.add(`subnets/${id}`);
  if (hasGateway(state) !== gateway || hasManyPeers(state) !== manyPeers)
    addAll(touched.aspects, aspectsOfGateway(state));
}

/** Networks whose router here may come or go by an endpoint's record. */
const localNetworks = (state: NetworkState, ...records: (NetworkRecord | undefined)[]): Set<NetworkId> =>
  new Set(
    records.flatMap((record) =>
      record?.kind === "endpoint" && record.nodeId === state.self
        ? record.networks.map(({ networkId }) => networkId)
        : [],
    ),
  );

const networksOf = (attachment: Attachment | undefined): NetworkId[] =>
  attachment?.sandbox.interfaces.map(({ networkId }) => networkId) ?? [];

function touchRecord(state: NetworkState, record: NetworkRecord, touched: Touched): void {
  switch (record.kind) {
    case "network":
      addAll(touched.aspects, aspectsOfNetwork(state, record.id));
      if (record.ingress) addAll(touched.aspects, aspectsOfGateway(state));
      touched.zone(record.id).whole = true;
      break;
    case "peer":
      touchPeer(state, record.id, touched);
      break;
    case "service":
      touchService(record, touched);
      break;
    case "endpoint":
      touchEndpoint(state, record, touched);
      break;
  }
}

function touchPeer(state: NetworkState, id: NodeId, touched: Touched): void {
  if (id === state.self) addAll(touched.aspects, allAspects(state));
  touched.aspects.add(`peer/${id}`);
  for (const task of state.endpointsOfPeer.get(id)) {
    const endpoint = state.endpoints.get(task);
    if (endpoint) touchEndpoint(state, endpoint, touched);
  }
}

function touchService(service: ServiceRecord, touched: Touched): void {
  for (const { networkId } of service.networks) touched.aspects.add(`vip/${networkId}/${service.id}`);
  for (const port of service.ports) touched.aspects.add(portAspect(port));
  touchNamesOfService(service, touched);
}

function touchEndpoint(state: NetworkState, endpoint: EndpointRecord, touched: Touched): void {
  const { id, nodeId, serviceId, networks } = endpoint;
  const service = serviceId && state.services.get(serviceId);
  if (!touched.endpoints.has(id)) touched.endpoints.set(id, endpointNow(state, endpoint));
  for (const { networkId } of networks) {
    touched.aspects.add(`route/${networkId}/${id}`);
    touched.aspects.add(`member/${networkId}/${nodeId}`);
    if (serviceId) touched.aspects.add(`vip/${networkId}/${serviceId}`);
    const zone = touched.zone(networkId);
    for (const name of namesOfEndpoint(endpoint, networkId)) zone.names.add(name);
    zone.addresses.add(addressOn(endpoint, networkId) ?? "");
  }
  if (!service) return;
  for (const port of service.ports) touched.aspects.add(portAspect(port));
  touchNamesOfService(service, touched);
}

const endpointNow = (state: NetworkState, record: EndpointRecord): EndpointBefore => ({
  record,
  routed: isRouted(state, record),
  target: isTarget(state, record),
});

function touchNamesOfService(service: ServiceRecord, touched: Touched): void {
  for (const { networkId } of service.networks) {
    const { names } = touched.zone(networkId);
    for (const name of namesOfService(service, networkId)) {
      names.add(name);
      names.add(`tasks.${name}`);
    }
  }
}

/** What other nodes' records say of its addresses counts only while it is not here. */
function touchAttachment(state: NetworkState, { sandbox }: Attachment, touched: Touched): void {
  touched.aspects.add(`container/${sandbox.containerId}`);
  const { ingress } = state;
  for (const { taskId, networkId } of sandbox.interfaces) touched.aspects.add(`route/${networkId}/${taskId}`);
  if (sandbox.gateway && ingress) touched.aspects.add(`route/${ingress.id}/${sandbox.gateway.taskId}`);
}

function addAll<T>(set: Set<T>, values: Iterable<T>): void {
  for (const value of values) set.add(value);
}
