import type { AddressId, NetworkId, ServiceId, TaskId } from "./ids.ts";
import type { Labels, Meta } from "./meta.ts";

/** As `POST /networks/create` had it, with the Engine API's names; `docker network inspect` must give it back. */
export interface NetworkSpec {
  readonly Name: string;
  readonly Labels?: Labels;
  readonly Driver?: string;
  readonly Scope?: string;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly Ingress?: boolean;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Options?: Labels;
    readonly Config?: readonly IpamConfig[];
  };
  readonly Options?: Labels;
}

export interface IpamConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Labels;
}

/** An overlay network of the swarm, or one of `engineNetworks`. What it was given at its creation stays for its life. */
export interface Network extends Meta {
  readonly id: NetworkId;
  readonly spec: NetworkSpec;
  /** VXLAN network identifier, 24 bits, one network's only; 0 on the engine's own networks. */
  readonly vni: number;
  /** At least one, on the engine's own networks none. */
  readonly subnets: readonly Subnet[];
  /** Set by its removal: operators see it no more, but the last tasks of removed services may still be on it. */
  readonly removedAt?: number;
  /** Set when nobody is on it any more: nodes are to forget it, and once all have, the object is deleted. */
  readonly releasedAt?: number;
}

/** Removed: not to be listed, found or used; its name is free for another network. */
export const isHidden = ({ removedAt }: Pick<Network, "removedAt">): boolean => removedAt !== undefined;

/**
 * The engine's networks that a service may be on, as the swarm knows them: found by those who ask for them, never
 * listed, and no overlays. They have the same ids in every swarm.
 */
export const engineNetworks = {
  host: "h6qm1x0e8vywk3tzr5u9n2c4b" as NetworkId,
  bridge: "b3zk7f0w9xq2v6mt1ry8s5jdp" as NetworkId,
} as const;

/** `host` or `bridge`, when the target of an attachment, an id or a name, is that; undefined for the swarm's own networks. */
export const engineNetworkOf = (target: string): keyof typeof engineNetworks | undefined => {
  if (target === "host" || target === engineNetworks.host) return "host";
  return target === "bridge" || target === engineNetworks.bridge ? "bridge" : undefined;
};

export const predefinedLabel = "com.docker.swarm.predefined";

/** True for the swarm's view of an engine's own network. */
export const isPredefined = ({ spec }: Pick<Network, "spec">): boolean => spec.Labels?.[predefinedLabel] === "true";

export interface Subnet {
  /** In CIDR notation, `10.0.1.0/24`; no two networks' overlap. */
  readonly subnet: string;
  /** The router's address, the same on every node. */
  readonly gateway: string;
  /** Only from here addresses are given out, CIDR. */
  readonly range?: string;
  /** Never given out. */
  readonly reserved?: readonly string[];
}

/** The network of published ports; there is at most one. */
export const isIngress = ({ spec }: Pick<Network, "spec">): boolean => spec.Ingress === true;

/**
 * One address of one network that is somebody's; its id is `<network id>/<address>`, so that no transaction can give
 * it out twice. It is kept after its release until no node's kernel knows it any more.
 */
export interface Address extends Meta {
  readonly id: AddressId;
  readonly networkId: NetworkId;
  /** Bare, `10.0.1.5`. */
  readonly address: string;
  readonly owner: { readonly kind: "service"; readonly id: ServiceId } | { readonly kind: "task"; readonly id: TaskId };
  /** Set when its owner has given it up: nodes that have not acknowledged this revision may still send to it. */
  readonly releasedAt?: number;
}

export const addressId = (networkId: NetworkId, address: string): AddressId => `${networkId}/${address}` as AddressId;

/** A task's interface on one network. */
export interface NetworkAttachment {
  readonly networkId: NetworkId;
  /** With the subnet's length, `10.0.1.5/24`. Absent on the engine's own networks (`host`, `bridge`). */
  readonly address?: string;
  /** Further names of the task's service on this network. */
  readonly aliases: readonly string[];
}

/** Where other nodes reach a node's overlays. */
export interface DataPath {
  /** IPv4. */
  readonly address: string;
  /** 1…65535, one node's only; the connection mark and zone of what enters the mesh there. */
  readonly index: number;
}

/** `com.docker.network.driver.mtu` and the like. */
export const networkOption = {
  mtu: "com.docker.network.driver.mtu",
  vni: "com.docker.network.driver.overlay.vxlanid_list",
  encrypted: "encrypted",
} as const;
