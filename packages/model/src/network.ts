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

/** An overlay network of the swarm. What it was given at its creation stays for its life. */
export interface Network extends Meta {
  readonly id: NetworkId;
  readonly spec: NetworkSpec;
  /** VXLAN network identifier, 24 bits, one network's only. */
  readonly vni: number;
  /** At least one. */
  readonly subnets: readonly Subnet[];
}

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
