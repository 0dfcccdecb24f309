import type { ContainerRecord, ContainerRecords } from "@skep/agent";
import {
  type AttachedContainer,
  type ContainerNetworks,
  endpointIdOf,
  type LocalEndpoint,
  type LocalSandbox,
  type NodeNetworks,
} from "@skep/api";
import type { NetworkId, NetworkProblem, NetworkRecord, RecordKey } from "@skep/model";
import type { NodeNetwork } from "@skep/network";

type RecordOf<K extends NetworkRecord["kind"]> = Extract<NetworkRecord, { readonly kind: K }>;

/** What the API shows of this node's networks, read off its data plane at every question. */
export class NodeNetworksView implements NodeNetworks {
  readonly #network: NodeNetwork;
  readonly #records: ContainerRecords;
  readonly containers: ContainerNetworks;

  constructor(network: NodeNetwork, records: ContainerRecords, containers: ContainerNetworks) {
    this.#network = network;
    this.#records = records;
    this.containers = containers;
  }

  get revision(): number {
    return this.#network.revision;
  }

  overlays() {
    return this.#recordsOf("network");
  }

  peers() {
    return this.#recordsOf("peer");
  }

  services() {
    return this.#recordsOf("service");
  }

  endpoints() {
    return this.#recordsOf("endpoint");
  }

  endpointsOn(networkId: NetworkId): readonly LocalEndpoint[] {
    return [...this.#network.sandboxes.values()].flatMap((sandbox) => {
      const { containerId, interfaces, gateway } = sandbox;
      const ingress = this.#overlay(networkId)?.ingress === true;
      const taskId = ingress
        ? gateway?.address && gateway.taskId
        : interfaces.find((one) => one.networkId === networkId)?.taskId;
      const given = this.#network
        .attached(containerId)
        ?.interfaces.find((one) => one.networkId === (ingress ? "gateway" : networkId));
      if (!taskId || !given) return [];
      const endpointId = endpointIdOf(taskId, networkId);
      return [{ containerId, name: this.#name(containerId), endpointId, mac: given.mac, address: given.address }];
    });
  }

  get attachesAny(): boolean {
    return !this.#records.isEmpty;
  }

  container(containerId: string): AttachedContainer | undefined {
    const record = this.#records.get(containerId);
    if (!record) return undefined;
    const attached = this.#network.attached(containerId);
    return {
      containerId,
      asked: record.asked ?? {},
      networks: this.#places(record),
      ports: attached?.hostPorts ?? record.hostPorts,
    };
  }

  problems(): readonly NetworkProblem[] {
    return this.#network.inspect().problems;
  }

  sandboxes(): readonly LocalSandbox[] {
    return [...this.#network.sandboxes.keys()].map((containerId) => {
      const attached = this.#network.attached(containerId);
      return {
        containerId,
        name: this.#name(containerId),
        interfaces: (attached?.interfaces ?? []).map((one) => ({ ...one, networkId: one.networkId as NetworkId })),
        hostPorts: attached?.hostPorts ?? [],
      };
    });
  }

  /** Where it is, and where it is to be when it runs. */
  #places({ containerId, taskId, interfaces, ingress, byHand = [] }: ContainerRecord): AttachedContainer["networks"] {
    const given = this.#network.attached(containerId)?.interfaces ?? [];
    const own = interfaces.filter((one) => one.taskId === taskId);
    const places = [...(ingress ? [ingress] : []), ...own, ...byHand].map(({ networkId }) => networkId);
    return [...new Set(places)].flatMap((id) => {
      const network = this.#overlay(id);
      if (!network) return [];
      const { aliases = [], address } = byHand.find((one) => one.networkId === id) ?? {};
      const recorded = [...interfaces, ...(ingress ? [ingress] : [])].find((one) => one.networkId === id);
      const device = given.find(({ networkId }) => networkId === (network.ingress ? "gateway" : id));
      const endpoint = recorded && device && { endpointId: endpointIdOf(recorded.taskId, id), ...device };
      return [{ network, aliases, ...(address !== undefined && { wanted: address }), ...(endpoint && { endpoint }) }];
    });
  }

  #overlay(id: NetworkId): RecordOf<"network"> | undefined {
    const key: RecordKey = `network/${id}`;
    const record = this.#network.records.get(key);
    return record?.kind === "network" ? record : undefined;
  }

  #recordsOf<K extends NetworkRecord["kind"]>(kind: K): readonly RecordOf<K>[] {
    return [...this.#network.records.values()].filter((record): record is RecordOf<K> => record.kind === kind);
  }

  #name(containerId: string): string {
    return this.#records.get(containerId)?.name ?? containerId.slice(0, 12);
  }
}
