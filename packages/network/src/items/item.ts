import type {
  ConnectionFilter,
  DeviceFilter,
  FdbEntry,
  InterfaceAddress,
  Neighbour,
  PolicyRule,
  Route,
} from "../host/kernel.ts";

// What should be in one namespace, as a flat set of items: each has a key (what it is) and a value. Everything else of
// the data plane follows from that: a change is the difference of two sets, a repair the difference between the set
// that should be there and the set that is.

export type Item = KernelItem | NftItem;

/** What is asked of the kernel by netlink or under /proc/sys. */
export type KernelItem =
  | { readonly kind: "sysctl"; readonly name: string; readonly value: string }
  | VxlanItem
  | VethItem
  | { readonly kind: "up"; readonly device: string }
  /** Of a device that was made from elsewhere, as the other end of a veth. */
  | { readonly kind: "mtu"; readonly device: string; readonly mtu: number }
  | ({ readonly kind: "address" } & InterfaceAddress)
  | ({ readonly kind: "neighbour" } & Neighbour)
  | ({ readonly kind: "fdb" } & FdbEntry)
  | ({ readonly kind: "route" } & Route)
  | ({ readonly kind: "rule" } & PolicyRule)
  | { readonly kind: "clsact"; readonly device: string }
  | ({ readonly kind: "filter" } & DeviceFilter);

/** Is made in the node's own namespace, where its UDP socket stays. */
export interface VxlanItem {
  readonly kind: "vxlan";
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly vni: number;
  readonly local: string;
  readonly port: number;
}

export interface VethItem {
  readonly kind: "veth";
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly peer: { readonly name: string; readonly mac: string; readonly mtu: number; readonly in: string };
}

/** What is asked of nftables. `table` is with its family: `ip skep`. */
export type NftItem = TableItem | SetItem | ChainItem | BalancerItem | ElementItem;

export interface TableItem {
  readonly kind: "table";
  readonly table: string;
}

export interface SetItem {
  readonly kind: "set";
  readonly table: string;
  readonly name: string;
  /** As nft has it: `type ipv4_addr`; with a `:` it is a map. */
  readonly type: string;
}

export interface ChainItem {
  readonly kind: "chain";
  readonly table: string;
  readonly name: string;
  /** Absent: only jumped to. */
  readonly hook?: Hook;
  readonly rules: readonly string[];
}

export interface Hook {
  readonly type: "filter" | "nat" | "route";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting" | "ingress" | "egress";
  readonly priority: number;
  readonly policy: "accept" | "drop";
  readonly device?: string;
}

/** A chain that gives each new connection to the next target, in exact rotation. */
export interface BalancerItem {
  readonly kind: "balancer";
  readonly table: string;
  readonly name: string;
  /** Addresses, none twice, in the same order on every node. */
  readonly targets: readonly string[];
  /** Only this protocol is balanced, to this port; absent: everything, to the port that was asked for. */
  readonly to?: { readonly protocol: string; readonly port: number };
  /** Connections that found no target: what is remembered of them is void once there is one. */
  readonly unanswered?: ConnectionFilter;
}

export interface ElementItem {
  readonly kind: "element";
  readonly table: string;
  readonly set: string;
  readonly key: string;
  /** Of a map. */
  readonly value?: string;
}

export type ItemKey = string;

/** What an item is; two items of one namespace with the same key are the same thing in two states. */
export function keyOf(item: Item): ItemKey {
  switch (item.kind) {
    case "sysctl":
      return `sysctl ${item.name}`;
    case "vxlan":
    case "veth":
      return `link ${item.name}`;
    case "up":
      return `up ${item.device}`;
    case "mtu":
      return `mtu ${item.device}`;
    case "address":
      return `address ${item.device} ${item.address}`;
    case "neighbour":
      return `neighbour ${item.device} ${item.address}`;
    case "fdb":
      return `fdb ${item.device} ${item.mac}`;
    case "route":
      return `route ${item.table ?? mainTable} ${item.destination}`;
    case "rule":
      return `rule ${item.priority} ${item.not ? "not " : ""}${item.mark}/${item.mask ?? 0xffffffff} ${item.table}`;
    case "clsact":
      return `clsact ${item.device}`;
    case "filter":
      return `filter ${item.device} ${item.side}`;
    case "table":
      return `table ${item.table}`;
    case "set":
      return `set ${item.table} ${item.name}`;
    case "chain":
    case "balancer":
      return `chain ${item.table} ${item.name}`;
    case "element":
      return `element ${item.table} ${item.set} ${item.key}`;
  }
}

const mainTable = 254;

export const isNft = (item: Item): item is NftItem =>
  item.kind === "table" ||
  item.kind === "set" ||
  item.kind === "chain" ||
  item.kind === "balancer" ||
  item.kind === "element";
