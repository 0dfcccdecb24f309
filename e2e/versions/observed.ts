import type { NamespaceDump, NftEntry, NodeDump } from "./node-dump-types.ts";
import { egress } from "./swarm-model.ts";

// What a node was seen to hold, as lines that `expected.ts` tells as well.

export function observedLines({ host, routers }: NodeDump): string[] {
  const inHost = [...linkLines(host), ...kernelLines(host), ...nftLines(host)].filter(isOurs);
  return [
    ...inHost.map((line) => `host ${line}`),
    ...Object.entries(routers).flatMap(([name, dump]) => {
      const ranked = rankEgress(dump);
      return [...linkLines(dump), ...kernelLines(dump), ...nftLines(dump)].map((line) => `${name} ${ranked(line)}`);
    }),
  ];
}

/** All that is on the node outside its routers, the engine's and the operator's too. */
export const allLines = ({ host, ruleset, things }: NodeDump): string[] => [
  ...linkLines(host),
  ...kernelLines(host),
  ...ruleset,
  ...things,
];

/** The engine's devices, the node's own, and routes over them are not ours. */
const isOurs = (line: string) =>
  !/^(link|address|route|neighbour) /.test(line) || /skep|vx0|\bv[0-9a-f]{8}\b/.test(line);

const linkLines = ({ links }: NamespaceDump): string[] =>
  links.flatMap(({ ifname, address, flags, linkinfo, addr_info }) => {
    const { id, local } = linkinfo?.info_data ?? {};
    const tunnel = linkinfo?.info_kind === "vxlan" ? ` vni ${id} local ${local}` : "";
    return [
      `link ${ifname} ${address} ${flags.includes("UP") ? "up" : "down"}${tunnel}`,
      ...addr_info
        .filter(({ family }) => family === "inet")
        .map(({ local: address, prefixlen }) => `address ${ifname} ${address}/${prefixlen}`),
    ];
  });

function kernelLines({ routes, neighbours, rules, fdb, disciplines }: NamespaceDump): string[] {
  return [
    ...routes
      .filter(({ table, protocol, dst }) => table !== "local" && protocol !== "kernel" && !dst.includes(":"))
      .map(({ type, dst, gateway, dev, table, flags }) =>
        [
          type === "unicast" ? `route ${dst}` : `route ${type} ${dst}`,
          ...(gateway ? [`via ${gateway}`] : []),
          ...(dev && type === "unicast" ? [`dev ${dev}`] : []),
          ...(flags?.includes("onlink") ? ["onlink"] : []),
          ...(table && table !== "main" ? [`table ${table}`] : []),
        ].join(" "),
      ),
    ...neighbours.map(({ dst, dev, lladdr }) => `neighbour ${dst} ${dev} ${lladdr}`),
    ...rules
      .filter(({ protocol, table }) => protocol !== "kernel" && !["local", "main", "default"].includes(table))
      .map(({ priority, fwmark, table }) => `rule ${priority}: fwmark ${Number(fwmark)} lookup ${table}`),
    ...disciplines.filter(({ kind }) => kind === "clsact").map(({ dev }) => `clsact ${dev}`),
    ...fdb.filter(({ dst }) => dst).map(({ mac, ifname, dst }) => `fdb ${mac} ${ifname} ${dst}`),
  ];
}

function nftLines({ nft }: NamespaceDump): string[] {
  const rules = new Map<string, unknown[]>();
  for (const { rule } of nft) {
    if (!rule) continue;
    const chain = `${rule.family} ${rule.table} ${rule.chain}`;
    rules.set(chain, [...(rules.get(chain) ?? []), rule.expr]);
  }
  return nft.flatMap((entry) => entryLines(entry, rules));
}

function entryLines({ chain, set, map }: NftEntry, rules: ReadonlyMap<string, unknown[]>): string[] {
  if (chain) {
    const name = `${chain.family} ${chain.table} ${chain.name}`;
    if (chain.hook) return [`chain ${name}`];
    return [`balancer ${name} → ${targets(rules.get(name) ?? []).join(" ")}`];
  }
  const elements = set ?? map;
  if (!elements) return [];
  const name = `${elements.family} ${elements.table} ${elements.name}`;
  return [`set ${name}`, ...(elements.elem ?? []).map((element) => `element ${name} ${text(element, " : ")}`)];
}

/** A key, or a key and a value. */
function text(value: unknown, between: string): string {
  if (Array.isArray(value)) return value.map((each) => text(each, between)).join(between);
  if (typeof value !== "object" || value === null) return String(value);
  const { concat, prefix, goto, elem } = value as Record<string, unknown>;
  if (concat) return text(concat, " . ");
  if (prefix) return `${(prefix as { addr: string }).addr}/${(prefix as { len: number }).len}`;
  if (goto) return `goto ${(goto as { target: string }).target}`;
  if (elem) return text((elem as { val: unknown }).val, between);
  return JSON.stringify(value);
}

/** Where a chain's one `dnat` sends connections, sorted; what it says when it is anything else. */
function targets(rules: readonly unknown[]): string[] {
  if (rules.length === 0) return [];
  const statements = rules.flat() as readonly Record<string, unknown>[];
  const dnat = statements.find((statement) => "dnat" in statement)?.dnat as
    | { readonly addr: unknown; readonly port?: number }
    | undefined;
  if (rules.length > 1 || !dnat) return [JSON.stringify(rules)];
  const port = dnat.port === undefined ? "" : `:${dnat.port}`;
  const { map } = dnat.addr as { readonly map?: { readonly data: { readonly set: readonly [number, string][] } } };
  if (!map) return [`${text(dnat.addr, " ")}${port}`];
  const numbered = map.data.set.map(([number]) => number).sort((a, b) => a - b);
  const isComplete = numbered.every((number, i) => number === i);
  const mod = (map as unknown as { key: { numgen: { mod: number } } }).key.numgen.mod;
  if (!isComplete || mod !== numbered.length) return [JSON.stringify(rules)];
  const addresses = map.data.set.map(([, address]) => address).sort(); // without the port, which would sort .22 before .2
  return addresses.map((address) => `${address}${port}`);
}

/** Replaces the addresses a node has chosen itself, and all that follows from them, by their rank. */
function rankEgress({ routes }: NamespaceDump): (line: string) => string {
  const own = routes.map(({ dst }) => dst).filter((dst) => dst.startsWith("100.66.") && !dst.includes("/"));
  const names = new Map<string, string>();
  for (const [rank, address] of [...new Set(own)].sort().entries()) {
    const octets = address.split(".").map((octet) => Number(octet).toString(16).padStart(2, "0"));
    names.set(address, egress(rank));
    names.set(`v${octets.join("")}`, `v-${egress(rank)}`);
    names.set(["02:42", ...octets].join(":"), "mac");
  }
  return (line) => line.replaceAll(/[\w.:-]+/g, (word) => names.get(word) ?? word);
}
