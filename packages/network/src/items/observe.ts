import type { Namespace, Route } from "../host/kernel.ts";
import { uplink } from "../overlay/addresses.ts";
import type { Item, ItemKey } from "./item.ts";
import { keyOf } from "./item.ts";
import { parseTable } from "./parse-nft.ts";
import { type Held, held } from "./plan.ts";

/** What of a namespace is skep's. In a router that is nearly everything, in the node's own namespace very little. */
export interface Ownership {
  readonly tables: readonly string[];
  readonly device: (name: string) => boolean;
  /** Routes without a device (`unreachable`), and policy rules. */
  readonly whole: boolean;
}

/** The items that a namespace holds, as far as they are skep's. */
export async function observe(namespace: Namespace, own: Ownership): Promise<Map<ItemKey, Held>> {
  const [kernel, nft] = await Promise.all([observeKernel(namespace, own), observeNft(namespace, own)]);
  for (const [key, value] of nft) kernel.set(key, value);
  return kernel;
}

export async function observeNft(namespace: Namespace, own: Ownership): Promise<Map<ItemKey, Held>> {
  const found = new Map<ItemKey, Held>();
  for (const table of own.tables) {
    const answer = await namespace.nftJson(`list table ${table}`);
    if (answer !== undefined) for (const [key, value] of parseTable(answer)) found.set(key, value);
  }
  return found;
}

export async function observeKernel(namespace: Namespace, own: Ownership): Promise<Map<ItemKey, Held>> {
  const [links, addresses, routes, neighbours, fdb, rules, { clsacts, filters }] = await Promise.all([
    namespace.links(),
    namespace.addresses(),
    namespace.routes(),
    namespace.neighbours(),
    namespace.fdb(),
    own.whole ? namespace.rules() : [],
    own.whole ? namespace.filters() : { clsacts: [], filters: [] },
  ]);
  const found = new Map<ItemKey, Held>();
  const put = (item: Item) => found.set(keyOf(item), held(item));
  for (const { name, mac, mtu, up, kind, vxlan } of links) {
    if (own.device(name) && kind === "vxlan" && vxlan) put({ kind: "vxlan", name, mac, mtu, ...vxlan });
    // the uplink's end here was made with the other one, in the node's own namespace
    if (own.device(name) && kind === "veth" && name !== uplink.gateway)
      put({ kind: "veth", name, mac, mtu, peer: noPeer });
    if (own.device(name) && name === uplink.gateway) put({ kind: "mtu", device: name, mtu });
    if (up && (own.device(name) || (own.whole && name === "lo"))) put({ kind: "up", device: name });
  }
  for (const address of addresses)
    if (own.device(address.device) || (own.whole && isRouterAddress(address))) put({ kind: "address", ...address });
  for (const route of routes) if (isOwnRoute(route, own)) put({ kind: "route", ...route });
  for (const neighbour of neighbours) if (own.device(neighbour.device)) put({ kind: "neighbour", ...neighbour });
  for (const entry of fdb) if (own.device(entry.device)) put({ kind: "fdb", ...entry });
  for (const rule of rules) put({ kind: "rule", ...rule });
  for (const device of clsacts) if (own.device(device)) put({ kind: "clsact", device });
  for (const filter of filters) if (own.device(filter.device)) put({ kind: "filter", ...filter });
  return found;
}

/** The kernel does not tell what a veth was made with; only its own end is compared. */
const noPeer = { name: "", mac: "", mtu: 0, in: "" };

const isRouterAddress = ({ device, address }: { device: string; address: string }) =>
  device === "lo" && !address.startsWith("127.");

const isOwnRoute = ({ device }: Route, own: Ownership) => (device === undefined ? own.whole : own.device(device));
