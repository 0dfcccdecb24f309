export interface DumpRequest {
  /** Names to ask the resolver of a container for; `pid` is its first process. */
  readonly questions: readonly { readonly pid: number; readonly names: readonly string[] }[];
}

export interface NodeDump {
  readonly host: NamespaceDump;
  /** By name under `/run/netns`. */
  readonly routers: Readonly<Record<string, NamespaceDump>>;
  /** Addresses for each name of each question, or why there is no answer. */
  readonly answers: readonly (readonly NameAnswer[] | string)[];
  /** All of the node's firewall as `nft` prints it, without counters. */
  readonly ruleset: readonly string[];
  /** Names of other things there: network namespaces, sandboxes, and how many namespaces have processes. */
  readonly things: readonly string[];
}

export interface NameAnswer {
  readonly name: string;
  /** Sorted; `none` when the name is not known, or has no address. */
  readonly addresses: readonly string[];
}

/** As `ip -j -d`, `bridge -j`, `tc -j` and `nft -j` print them, as far as the tests read it. */
export interface NamespaceDump {
  readonly links: readonly {
    readonly ifname: string;
    readonly address: string;
    readonly mtu: number;
    readonly flags: readonly string[];
    readonly linkinfo?: {
      readonly info_kind: string;
      readonly info_data?: { readonly id: number; readonly local: string };
    };
    readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
  }[];
  readonly routes: readonly {
    readonly type: string;
    readonly dst: string;
    readonly gateway?: string;
    readonly dev?: string;
    readonly table?: string;
    readonly protocol?: string;
    readonly flags?: readonly string[];
  }[];
  readonly neighbours: readonly { readonly dst: string; readonly dev: string; readonly lladdr: string }[];
  readonly rules: readonly {
    readonly priority: number;
    readonly table: string;
    readonly fwmark?: string;
    readonly protocol?: string;
  }[];
  readonly fdb: readonly { readonly mac: string; readonly ifname: string; readonly dst?: string }[];
  readonly disciplines: readonly { readonly kind: string; readonly dev: string }[];
  readonly nft: readonly NftEntry[];
}

interface Named {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

export interface NftEntry {
  readonly table?: { readonly family: string; readonly name: string };
  readonly chain?: Named & { readonly hook?: string };
  readonly rule?: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly expr: readonly unknown[];
  };
  readonly set?: Named & { readonly elem?: readonly unknown[] };
  readonly map?: Named & { readonly elem?: readonly unknown[] };
}
