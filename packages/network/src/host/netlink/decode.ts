import type { FoundFilter } from "../bpf/shortcuts.ts";
import type { FdbEntry, InterfaceAddress, Link, Neighbour, PolicyRule, Route } from "../kernel.ts";
import { ipv4Text, macText } from "./addresses.ts";
import { type Attributes, type Message, parseAttributes, readText } from "./message.ts";
import * as rt from "./rtnetlink.ts";
import { FRA, IFA, IFLA, NDA, RTA, TCA } from "./rtnetlink.ts";

/** Names of links by their index, those of other kinds of objects refer to. */
export type LinkNames = ReadonlyMap<number, string>;

const u32Of = (attributes: Attributes, type: number): number | undefined => attributes.get(type)?.readUInt32LE(0);

export function decodeLink({ body }: Message): Link {
  const attributes = parseAttributes(body, 16);
  const info = parseAttributes(attributes.get(IFLA.linkInfo) ?? Buffer.alloc(0));
  const kind = readText(info.get(IFLA.infoKind));
  const data = info.get(IFLA.infoData);
  return {
    index: body.readInt32LE(4),
    name: readText(attributes.get(IFLA.name)),
    mac: macText(attributes.get(IFLA.address)),
    mtu: u32Of(attributes, IFLA.mtu) ?? 0,
    up: (body.readUInt32LE(8) & rt.IFF_UP) !== 0,
    kind,
    ...(kind === "vxlan" && data && { vxlan: decodeVxlan(parseAttributes(data)) }),
  };
}

const decodeVxlan = (data: Attributes) => ({
  vni: u32Of(data, IFLA.vxlanId) ?? 0,
  local: ipv4Text(data.get(IFLA.vxlanLocal)),
  port: data.get(IFLA.vxlanPort)?.readUInt16BE(0) ?? 0,
});

/** Where the other end of a veth is, or the socket of a vxlan: its index and the kernel's number of its namespace. */
export function decodeLinkedTo({ body }: Message): {
  readonly index: number;
  readonly namespaceId: number | undefined;
} {
  const attributes = parseAttributes(body, 16);
  return {
    index: u32Of(attributes, IFLA.link) ?? 0,
    namespaceId: attributes.get(IFLA.linkNamespaceId)?.readInt32LE(0),
  };
}

export function decodeAddress({ body }: Message, names: LinkNames): InterfaceAddress {
  const attributes = parseAttributes(body, 8);
  const local = attributes.get(IFA.local) ?? attributes.get(IFA.address);
  const noPrefixRoute = ((u32Of(attributes, IFA.flags) ?? 0) & rt.IFA_F_NOPREFIXROUTE) !== 0;
  return {
    device: names.get(body.readUInt32LE(4)) ?? "",
    address: `${ipv4Text(local)}/${body.readUInt8(1)}`,
    ...(noPrefixRoute && { noPrefixRoute }),
  };
}

/** Undefined for the routes that the contract leaves out. */
export function decodeRoute({ body }: Message, names: LinkNames): Route | undefined {
  const attributes = parseAttributes(body, 12);
  const [, length = 0, , , , protocol = 0, scope = 0, type = 0] = body;
  const flags = body.readUInt32LE(8);
  const table = u32Of(attributes, RTA.table) ?? body.readUInt8(4);
  if (table === rt.RT_TABLE_LOCAL || protocol === rt.RTPROT_KERNEL || flags & rt.RTM_F_CLONED) return undefined;
  if (type !== rt.RTN_UNICAST && type !== rt.RTN_UNREACHABLE) return undefined;
  const via = ipv4Text(attributes.get(RTA.gateway));
  const device = names.get(u32Of(attributes, RTA.device) ?? 0);
  const source = ipv4Text(attributes.get(RTA.source));
  const mtu = u32Of(parseAttributes(attributes.get(RTA.metrics) ?? Buffer.alloc(0)), RTA.metricMtu);
  return {
    destination: length === 0 ? "default" : `${ipv4Text(attributes.get(RTA.destination))}/${length}`,
    ...(type === rt.RTN_UNREACHABLE && { type: "unreachable" }),
    ...(via && { via }),
    ...(device && { device }),
    ...(source && { source }),
    ...(scope === rt.RT_SCOPE_LINK && { scope: "link" }),
    ...(flags & rt.RTNH_F_ONLINK && { onlink: true }),
    ...(table !== rt.RT_TABLE_MAIN && { table }),
    ...(mtu && { mtu }),
  };
}

/** Undefined for entries that the kernel learned and will forget. */
export function decodeNeighbour({ body }: Message, names: LinkNames): Neighbour | undefined {
  if (!(body.readUInt16LE(8) & rt.NUD_PERMANENT)) return undefined;
  const attributes = parseAttributes(body, 12);
  return {
    device: names.get(body.readInt32LE(4)) ?? "",
    address: ipv4Text(attributes.get(NDA.destination)),
    mac: macText(attributes.get(NDA.mac)),
  };
}

/** Undefined for what is not `self permanent`, or leads nowhere. */
export function decodeFdb({ body }: Message, names: LinkNames): FdbEntry | undefined {
  const attributes = parseAttributes(body, 12);
  const destination = ipv4Text(attributes.get(NDA.destination));
  const permanent = body.readUInt16LE(8) & rt.NUD_PERMANENT;
  if (!permanent || !(body.readUInt8(10) & rt.NTF_SELF) || !destination) return undefined;
  return { device: names.get(body.readInt32LE(4)) ?? "", mac: macText(attributes.get(NDA.mac)), destination };
}

/** The index of a device that has room for filters, undefined for queues of other kinds. */
export const decodeClsact = ({ body }: Message): number | undefined =>
  readText(parseAttributes(body, 20).get(TCA.kind)) === "clsact" ? body.readInt32LE(4) : undefined;

/** What of a filter tells it from others. */
export function decodeFilter({ body }: Message): Pick<FoundFilter, "name" | "programId" | "tag"> {
  const options = parseAttributes(parseAttributes(body, 20).get(TCA.options) ?? Buffer.alloc(0));
  return {
    name: readText(options.get(TCA.bpfName)),
    programId: u32Of(options, TCA.bpfId) ?? 0,
    tag: options.get(TCA.bpfTag)?.toString("hex") ?? "",
  };
}

/** Undefined for the kernel's own three, and for rules that do something else than look a table up by the mark. */
export function decodeRule({ body }: Message): PolicyRule | undefined {
  const attributes = parseAttributes(body, 12);
  const mark = u32Of(attributes, FRA.mark);
  const mask = u32Of(attributes, FRA.mask);
  if (body.readUInt8(7) !== rt.FR_ACT_TO_TBL || (mark === undefined && mask === undefined)) return undefined;
  return {
    priority: u32Of(attributes, FRA.priority) ?? 0,
    mark: mark ?? 0,
    ...(mask !== undefined && mask !== rt.wholeMark && { mask }),
    ...(body.readUInt32LE(8) & rt.FIB_RULE_INVERT && { not: true }),
    table: u32Of(attributes, FRA.table) ?? body.readUInt8(4),
  };
}
