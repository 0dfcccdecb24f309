import type { TransportProtocol } from "@skep/model";
import type { ShortcutProgram } from "./bpf/shortcut-programs.ts";

/** A network namespace by its file: `/run/netns/NAME`, `/proc/PID/ns/net`. */
export type NamespacePath = string;

/** The kernel of this node. Tests give one that prints what it is asked. */
export interface Kernel {
  /** Where this node's own interfaces are. */
  readonly host: Namespace;
  /** A named namespace under `/run/netns`, made if absent; its loopback is down then. */
  ensure(name: string): Promise<Namespace>;
  /** The namespace if it exists. */
  find(name: string): Promise<Namespace | undefined>;
  /** Names of the namespaces that exist and start with `prefix`. */
  names(prefix: string): Promise<string[]>;
  /** Opens any namespace, a container's above all. Rejects when there is none. */
  open(path: NamespacePath): Promise<Namespace>;
  /** Takes a named namespace away with all that is in it; does nothing when there is none. Its handles are closed first. */
  remove(name: string): Promise<void>;
  /** Whether filters can be put on devices: it takes a kernel of 5.14 or later. */
  canFilter(): Promise<boolean>;
  close(): void;
}

/** A handle on one namespace. Its sockets are made in it once and work from then on without entering it again. */
export interface Namespace extends Disposable {
  readonly path: NamespacePath;
  /** The inode of the namespace: tells one from another of the same name. */
  readonly inode: number;
  /**
   * Carries requests out one after the other, as one batch to the kernel. Each is made so that doing it twice does no
   * more than doing it once (adding what is there, deleting what is not). Rejects with a `KernelError` that names every
   * request that failed; the others are carried out.
   */
  netlink(requests: readonly NetlinkRequest[]): Promise<void>;
  links(): Promise<readonly Link[]>;
  addresses(): Promise<readonly InterfaceAddress[]>;
  /** IPv4 routes of every table, those the kernel makes by itself (table `local`, proto `kernel`) left out. */
  routes(): Promise<readonly Route[]>;
  neighbours(): Promise<readonly Neighbour[]>;
  fdb(): Promise<readonly FdbEntry[]>;
  /** Policy rules except the kernel's three own. */
  rules(): Promise<readonly PolicyRule[]>;
  filters(): Promise<DeviceFilters>;
  /** One transaction of nft commands: all or nothing. Rejects with nft's own message. Calls queue, process-wide. */
  nft(script: string): Promise<void>;
  /** What `nft -j` answers to a command such as `list table ip skep`; undefined when what is asked for is not there. */
  nftJson(command: string): Promise<unknown>;
  /** `net.ipv4.ip_forward` → `"1"`. Writes only what differs; returns the names it changed. */
  sysctls(values: Readonly<Record<string, string>>): string[];
  /** Deletes connection-tracking entries that match any of the filters; returns how many. */
  forgetConnections(...filters: readonly ConnectionFilter[]): Promise<number>;
  /** Calls `onChange` when anybody but this process changes links, addresses, routes, neighbours, rules or nftables. */
  watch(onChange: (what: "link" | "address" | "route" | "neighbour" | "rule" | "nft") => void): Disposable;
  /** Runs `work` with the calling thread in this namespace; it must be synchronous: sockets, files under /proc/sys. */
  enter<T>(work: () => T): T;
}

/** A namespace to put a link into: a handle's path, or that of a container. */
export type NetlinkRequest =
  | {
      readonly do: "add-veth";
      readonly name: string;
      readonly mac: string;
      readonly mtu: number;
      readonly peer: { readonly name: string; readonly mac: string; readonly mtu: number; readonly in: NamespacePath };
    }
  | {
      /** Made in this namespace, where its UDP socket stays, and moved into `in`. No learning. */
      readonly do: "add-vxlan";
      readonly name: string;
      readonly mac: string;
      readonly mtu: number;
      readonly vni: number;
      readonly local: string;
      readonly port: number;
      readonly in: NamespacePath;
    }
  | {
      readonly do: "set-link";
      readonly name: string;
      readonly up?: boolean;
      readonly mtu?: number;
      readonly mac?: string;
    }
  | { readonly do: "delete-link"; readonly name: string }
  /** In CIDR notation. */
  | ({ readonly do: "add-address" } & InterfaceAddress)
  | ({ readonly do: "delete-address" } & Pick<InterfaceAddress, "device" | "address">)
  /** Replaces a route to the same destination in the same table. */
  | ({ readonly do: "put-route" } & Route)
  | ({ readonly do: "delete-route" } & Pick<Route, "destination" | "table">)
  | ({ readonly do: "put-neighbour" } & Neighbour)
  | ({ readonly do: "delete-neighbour" } & Pick<Neighbour, "device" | "address">)
  | ({ readonly do: "put-fdb" } & FdbEntry)
  | ({ readonly do: "delete-fdb" } & FdbEntry)
  | ({ readonly do: "add-rule" } & PolicyRule)
  | ({ readonly do: "delete-rule" } & PolicyRule)
  /** Makes room for filters on a device; they go with it. */
  | { readonly do: "add-clsact"; readonly device: string }
  /** Replaces what is there. */
  | ({ readonly do: "put-filter" } & DeviceFilter);

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** `veth`, `vxlan`, `bridge`; empty for loopback and hardware. */
  readonly kind: string;
  readonly vxlan?: { readonly vni: number; readonly local: string; readonly port: number };
}

export interface InterfaceAddress {
  readonly device: string;
  /** `10.0.1.5/24`. */
  readonly address: string;
  /** The kernel makes no route to the subnet. */
  readonly noPrefixRoute?: boolean;
}

export interface Route {
  /** CIDR, or `default`. */
  readonly destination: string;
  /** Absent: `unicast`. */
  readonly type?: "unreachable";
  readonly via?: string;
  readonly device?: string;
  readonly source?: string;
  /** Absent: universe, the kernel's default. */
  readonly scope?: "link";
  readonly onlink?: boolean;
  /** Absent: main (254). */
  readonly table?: number;
  /** Of the path. */
  readonly mtu?: number;
}

/** Always permanent. */
export interface Neighbour {
  readonly device: string;
  readonly address: string;
  readonly mac: string;
}

/** Always `self permanent`: behind `device`, `mac` is reached at the node `destination`. */
export interface FdbEntry {
  readonly device: string;
  readonly mac: string;
  readonly destination: string;
}

export interface PolicyRule {
  readonly priority: number;
  readonly mark: number;
  readonly mask?: number;
  /** `not fwmark …`. */
  readonly not?: boolean;
  readonly table: number;
}

/** A program that sees each packet before anything else does. */
export interface DeviceFilter {
  readonly device: string;
  /** `ingress`: what comes from the device. */
  readonly side: "ingress" | "egress";
  readonly program: ShortcutProgram;
}

export interface DeviceFilters {
  /** Devices that can have filters. */
  readonly clsacts: readonly string[];
  /** Those that are as `put-filter` would put them. */
  readonly filters: readonly DeviceFilter[];
}

/** Every given part must match; `reply…` is the connection as answered: after DNAT its source is the real target. */
export interface ConnectionFilter {
  readonly protocol?: TransportProtocol;
  readonly originalSource?: string;
  readonly originalDestination?: string;
  readonly originalDestinationPort?: number;
  readonly replySource?: string;
  readonly replySourcePort?: number;
}

/** What the kernel refused, with the requests as `ip` or `nft` would have them. */
export class KernelError extends Error {
  override readonly name = "KernelError";
  /** `EEXIST` and the like, of the first failure. */
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
