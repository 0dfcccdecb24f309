import type { ConnectionFilter, NetlinkRequest } from "../host/kernel.ts";
import { formOf } from "./form.ts";
import { type Item, type ItemKey, isNft, type KernelItem, keyOf, type VxlanItem } from "./item.ts";

/** An item as it stands in a namespace. */
export interface Held {
  readonly item: Item;
  readonly form: string;
}

/** One item that is to change: `before` is undefined when it is new, `after` when it goes. */
export interface ItemChange {
  readonly key: ItemKey;
  readonly before: Held | undefined;
  readonly after: Held | undefined;
}

export const held = (item: Item): Held => ({ item, form: formOf(item) });

/** What has to change for `before` to become `after`; empty when they are the same. */
export function planItems(before: ReadonlyMap<ItemKey, Held>, after: ReadonlyMap<ItemKey, Held>): ItemChange[] {
  const changes: ItemChange[] = [];
  for (const [key, now] of after) {
    const was = before.get(key);
    if (was?.form !== now.form) changes.push({ key, before: was, after: now });
  }
  for (const [key, was] of before) if (!after.has(key)) changes.push({ key, before: was, after: undefined });
  return changes;
}

/** Requests in the order in which a namespace takes them; new things come before nftables change, old ones go after. */
export interface NetlinkPlan {
  readonly sysctls: Readonly<Record<string, string>>;
  /** Made from the node's own namespace. */
  readonly vxlans: readonly VxlanItem[];
  readonly links: readonly NetlinkRequest[];
  /** Once the links are there. */
  readonly deviceSysctls: Readonly<Record<string, string>>;
  readonly puts: readonly NetlinkRequest[];
  readonly deletes: readonly NetlinkRequest[];
}

export function planNetlink(changes: readonly ItemChange[]): NetlinkPlan {
  const sysctls: Record<string, string> = {};
  const deviceSysctls: Record<string, string> = {};
  const vxlans: VxlanItem[] = [];
  const links: NetlinkRequest[] = [];
  const puts: { readonly rank: number; readonly request: NetlinkRequest }[] = [];
  const deletes: { readonly rank: number; readonly request: NetlinkRequest }[] = [];
  for (const { before, after } of changes) {
    const now = after?.item;
    const was = before?.item;
    if (now && !isNft(now)) {
      if (now.kind === "sysctl") (isOfDevice(now.name) ? deviceSysctls : sysctls)[now.name] = now.value;
      else if (now.kind === "vxlan") links.push(...relink(was, now, vxlans));
      else if (now.kind === "veth") links.push(...reveth(was, now));
      else puts.push({ rank: rank(now), request: putRequest(now) });
    } else if (!now && was && !isNft(was)) {
      const request = deleteRequest(was);
      if (request) deletes.push({ rank: rank(was), request });
    }
  }
  return {
    sysctls,
    vxlans,
    links,
    deviceSysctls,
    puts: puts.sort((a, b) => a.rank - b.rank).map(({ request }) => request),
    deletes: deletes.sort((a, b) => b.rank - a.rank).map(({ request }) => request),
  };
}

/** `all` and `default` are copied to devices when they are made; the others exist with their device only. */
const isOfDevice = (name: string) => /\.conf\.(?!all\.|default\.)/.test(name);

/** A VXLAN device keeps its number, address and port for life; its MTU may change. */
function relink(was: Item | undefined, now: VxlanItem, made: VxlanItem[]): NetlinkRequest[] {
  const same =
    was?.kind === "vxlan" &&
    was.vni === now.vni &&
    was.local === now.local &&
    was.port === now.port &&
    was.mac === now.mac;
  if (same) return [{ do: "set-link", name: now.name, mtu: now.mtu }];
  made.push(now);
  return was ? [{ do: "delete-link", name: now.name }] : [];
}

function reveth(was: Item | undefined, now: Extract<Item, { kind: "veth" }>): NetlinkRequest[] {
  if (was?.kind === "veth" && was.mac === now.mac) return [{ do: "set-link", name: now.name, mtu: now.mtu }];
  const add: NetlinkRequest = { do: "add-veth", name: now.name, mac: now.mac, mtu: now.mtu, peer: now.peer };
  return was ? [{ do: "delete-link", name: now.name }, add] : [add];
}

const ranks = [
  "sysctl",
  "vxlan",
  "veth",
  "mtu",
  "address",
  "up",
  "neighbour",
  "fdb",
  "route",
  "rule",
  "clsact",
  "filter",
] as const;

function rank(item: KernelItem): number {
  // a gateway's own route has to be there before routes by that gateway
  const byGateway = item.kind === "route" && item.via !== undefined && !item.onlink ? 0.5 : 0;
  return ranks.indexOf(item.kind) + byGateway;
}

function putRequest(item: Exclude<KernelItem, { kind: "sysctl" | "vxlan" | "veth" }>): NetlinkRequest {
  switch (item.kind) {
    case "up":
      return { do: "set-link", name: item.device, up: true };
    case "mtu":
      return { do: "set-link", name: item.device, mtu: item.mtu };
    case "address": {
      const { kind: _, ...address } = item;
      return { do: "add-address", ...address };
    }
    case "neighbour": {
      const { kind: _, ...neighbour } = item;
      return { do: "put-neighbour", ...neighbour };
    }
    case "fdb": {
      const { kind: _, ...entry } = item;
      return { do: "put-fdb", ...entry };
    }
    case "route": {
      const { kind: _, ...route } = item;
      return { do: "put-route", ...route };
    }
    case "rule": {
      const { kind: _, ...rule } = item;
      return { do: "add-rule", ...rule };
    }
    case "clsact":
      return { do: "add-clsact", device: item.device };
    case "filter": {
      const { kind: _, ...filter } = item;
      return { do: "put-filter", ...filter };
    }
  }
}

function deleteRequest(item: KernelItem): NetlinkRequest | undefined {
  switch (item.kind) {
    case "vxlan":
    case "veth":
      return { do: "delete-link", name: item.name };
    case "address":
      return { do: "delete-address", device: item.device, address: item.address };
    case "neighbour":
      return { do: "delete-neighbour", device: item.device, address: item.address };
    case "fdb":
      return { do: "delete-fdb", device: item.device, mac: item.mac, destination: item.destination };
    case "route":
      return {
        do: "delete-route",
        destination: item.destination,
        ...(item.table !== undefined && { table: item.table }),
      };
    case "rule": {
      const { kind: _, ...rule } = item;
      return { do: "delete-rule", ...rule };
    }
    default:
      return undefined; // a sysctl has nothing to go back to, a link goes down with its end, and filters go with their link
  }
}

/** Connections that were refused or lost before and may succeed now. */
export const unanswered = (changes: readonly ItemChange[]): ConnectionFilter[] =>
  changes.flatMap(({ before, after }) => {
    const was = before?.item;
    const now = after?.item;
    if (now?.kind !== "balancer" || now.targets.length === 0) return [];
    return was?.kind === "balancer" && was.targets.length > 0 ? [] : now.unanswered ? [now.unanswered] : [];
  });

export const nftChanges = (changes: readonly ItemChange[]): ItemChange[] =>
  changes.filter(({ before, after }) => {
    const item = (after ?? before)?.item;
    return item !== undefined && isNft(item);
  });

export const heldBy = (items: Iterable<Item>): Map<ItemKey, Held> => {
  const map = new Map<ItemKey, Held>();
  for (const item of items) map.set(keyOf(item), held(item));
  return map;
};
