import {
  bare,
  type EndpointRecord,
  type NetworkId,
  type NetworkRecord,
  type NodeId,
  type OverlayRecord,
  type PeerRecord,
  type PublishedPort,
  type RecordKey,
  recordKey,
  type ServiceId,
  type ServiceRecord,
  type TaskId,
} from "@skep/model";
import type { Attachment } from "./attachment.ts";
import { MultiMap } from "./multi-map.ts";
import { namesOfEndpoint, namesOfService } from "./names.ts";

/** What this node knows of the swarm and of its own containers, indexed by everything a change is looked up by. */
export class NetworkState {
  readonly self: NodeId;
  readonly dataPathPort: number;
  readonly records = new Map<RecordKey, NetworkRecord>();
  readonly networks = new Map<NetworkId, OverlayRecord>();
  readonly peers = new Map<NodeId, PeerRecord>();
  readonly services = new Map<ServiceId, ServiceRecord>();
  readonly endpoints = new Map<TaskId, EndpointRecord>();
  /** By container id. */
  readonly attachments = new Map<string, Attachment>();
  /** MTU of the device that has this node's data-path address. */
  underlayMtu = 1500;
  /** The kernel can pass established connections on by programs: see `ingress/shortcuts`. */
  hasShortcuts = false;
  /** Where the way to a peer takes less than the device does. */
  readonly pathMtus = new Map<NodeId, number>();
  /** Ports, `tcp/8080`, that another process of this node has. */
  readonly takenPorts = new Map<string, string>();

  readonly endpointsOfService = new MultiMap<ServiceId, TaskId>();
  readonly endpointsOfPeer = new MultiMap<NodeId, TaskId>();
  readonly endpointsOnNetwork = new MultiMap<NetworkId, TaskId>();
  /** By `network/node`. */
  readonly endpointsThere = new MultiMap<string, TaskId>();
  /** By `network/address`, bare. */
  readonly endpointsAt = new MultiMap<string, TaskId>();
  readonly servicesOnNetwork = new MultiMap<NetworkId, ServiceId>();
  readonly servicesOnPort = new MultiMap<string, ServiceId>();
  readonly attachmentsOnNetwork = new MultiMap<NetworkId, string>();
  readonly attachmentsOnPort = new MultiMap<string, string>();
  /** By `network/address`, bare; the network of gateway interfaces is `gateway`. */
  readonly attachmentsAt = new Map<string, string>();
  /** Containers with an interface in the gateway router. */
  readonly outgoing = new Set<string>();
  /** By `network/name`. */
  readonly servicesNamed = new MultiMap<string, ServiceId>();
  readonly endpointsNamed = new MultiMap<string, TaskId>();

  constructor(self: NodeId, dataPathPort: number) {
    this.self = self;
    this.dataPathPort = dataPathPort;
  }

  get(key: RecordKey): NetworkRecord | undefined {
    return this.records.get(key);
  }

  put(record: NetworkRecord): void {
    this.remove(recordKey(record));
    this.records.set(recordKey(record), record);
    switch (record.kind) {
      case "network":
        this.networks.set(record.id, record);
        break;
      case "peer":
        this.peers.set(record.id, record);
        break;
      case "service":
        this.services.set(record.id, record);
        this.indexService(record, "add");
        break;
      case "endpoint":
        this.endpoints.set(record.id, record);
        this.indexEndpoint(record, "add");
        break;
    }
  }

  remove(key: RecordKey): void {
    const record = this.records.get(key);
    this.records.delete(key);
    if (record?.kind === "network") this.networks.delete(record.id);
    if (record?.kind === "peer") this.peers.delete(record.id);
    if (record?.kind === "service") {
      this.services.delete(record.id);
      this.indexService(record, "delete");
    }
    if (record?.kind === "endpoint") {
      this.endpoints.delete(record.id);
      this.indexEndpoint(record, "delete");
    }
  }

  putAttachment(attachment: Attachment): void {
    this.removeAttachment(attachment.sandbox.containerId);
    this.attachments.set(attachment.sandbox.containerId, attachment);
    this.indexAttachment(attachment, "add");
  }

  removeAttachment(containerId: string): void {
    const attachment = this.attachments.get(containerId);
    if (!attachment) return;
    this.attachments.delete(containerId);
    this.indexAttachment(attachment, "delete");
  }

  get ingress(): OverlayRecord | undefined {
    for (const network of this.networks.values()) if (network.ingress) return network;
    return undefined;
  }

  get selfPeer(): PeerRecord | undefined {
    return this.peers.get(this.self);
  }

  private indexService(service: ServiceRecord, verb: "add" | "delete"): void {
    for (const { networkId } of service.networks) {
      this.servicesOnNetwork[verb](networkId, service.id);
      for (const name of namesOfService(service, networkId))
        this.servicesNamed[verb](`${networkId}/${name}`, service.id);
    }
    for (const port of service.ports) this.servicesOnPort[verb](portKey(port), service.id);
  }

  private indexEndpoint(endpoint: EndpointRecord, verb: "add" | "delete"): void {
    const { id, nodeId, serviceId, networks } = endpoint;
    if (serviceId) this.endpointsOfService[verb](serviceId, id);
    this.endpointsOfPeer[verb](nodeId, id);
    for (const { networkId, address } of networks) {
      this.endpointsOnNetwork[verb](networkId, id);
      this.endpointsAt[verb](`${networkId}/${bare(address)}`, id);
      this.endpointsThere[verb](`${networkId}/${nodeId}`, id);
      for (const name of namesOfEndpoint(endpoint, networkId)) this.endpointsNamed[verb](`${networkId}/${name}`, id);
    }
  }

  private indexAttachment({ sandbox, interfaces, hostPorts }: Attachment, verb: "add" | "delete"): void {
    const id = sandbox.containerId;
    for (const { networkId } of sandbox.interfaces) this.attachmentsOnNetwork[verb](networkId, id);
    for (const port of hostPorts) this.attachmentsOnPort[verb](portKey(port), id);
    for (const { networkId, address } of interfaces) {
      const place = `${networkId}/${bare(address)}`;
      if (verb === "add") this.attachmentsAt.set(place, id);
      else if (this.attachmentsAt.get(place) === id) this.attachmentsAt.delete(place);
    }
    if (sandbox.gateway) this.outgoing[verb](id);
  }
}

/** `tcp/8080` */
export const portKey = ({ protocol, published }: Pick<PublishedPort, "protocol" | "published">): string =>
  `${protocol}/${published}`;
