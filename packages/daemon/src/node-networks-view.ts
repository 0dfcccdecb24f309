import type { ContainerRecords } from "@skep/agent";
import { endpointIdOf, type LocalEndpoint, type LocalSandbox, type NodeNetworks } from "@skep/api";
import type { NetworkId, NetworkProblem, NetworkRecord, RecordKey } from "@skep/model";
import type { NodeNetwork } from "@skep/network";

type RecordOf<K extends NetworkRecord["kind"]> = Extract<NetworkRecord, { readonly kind: K }>;

/** What the API shows of this node's networks, read off its data plane at every question. */
export class NodeNetworksView implements NodeNetworks {
  readonly #network: NodeNetwork;
  readonly #containers: ContainerRecords;

  constructor(network: NodeNetwork, containers: ContainerRecords) {
    this.#network = network;
    this.#containers = containers;
  }

  get revision(): number {
    return this.#network.revision;
  }

  overlays() {
    return this.#records("network");
  }

  peers() {
    return this.#records("peer");
  }

  services() {
    return this.#records("service");
  }

  endpoints() {
    return this.#records("endpoint");
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

  #overlay(id: NetworkId): RecordOf<"network"> | undefined {
    const key: RecordKey = `network/${id}`;
    const record = this.#network.records.get(key);
    return record?.kind === "network" ? record : undefined;
  }

  #records<K extends NetworkRecord["kind"]>(kind: K): readonly RecordOf<K>[] {
    return [...this.#network.records.values()].filter((record): record is RecordOf<K> => record.kind === kind);
  }

  #name(containerId: string): string {
    return this.#containers.get(containerId)?.name ?? containerId.slice(0, 12);
  }
}
