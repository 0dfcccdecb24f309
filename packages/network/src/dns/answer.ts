import type { NameTarget, Zone } from "./dns-server.ts";
import { parseQuery, type Query, rcode, recordClass, recordType } from "./query.ts";
import { maxReplyBytes, type Reply, type ReplyRecord, renderReply, type Transport } from "./reply.ts";

/** What a container may see. */
export interface ClientView {
  /** Of its networks, in the order in which they are searched. */
  readonly zones: readonly Zone[];
  /** See `DnsClient`. */
  readonly ndots?: number;
}

export type Answer =
  | { readonly do: "reply"; readonly packet: Buffer }
  | { readonly do: "forward"; readonly query: Query }
  | { readonly do: "drop" };

/** As Docker has it: PTR records without a better time. */
const defaultTtlSeconds = 600;

const nothing: Reply = { rcode: rcode.NOERROR, records: [] };

/** What to do with a packet from a client; `pickIndex(n)` is a random one of 0 to n - 1. */
export function answer(
  packet: Buffer,
  view: ClientView,
  transport: Transport,
  pickIndex: (count: number) => number,
): Answer {
  const parsed = parseQuery(packet);
  if (parsed.is === "noise") return { do: "drop" };
  const { query } = parsed;
  const say = (reply: Reply): Answer => ({
    do: "reply",
    packet: renderReply(query, reply, maxReplyBytes(query, transport)),
  });
  if (parsed.is === "refused") return say({ rcode: parsed.rcode, records: [] });
  const known = resolve(query, view, pickIndex);
  if (known !== undefined) return say(known);
  return staysInside(query, view) ? say(nothing) : { do: "forward", query };
}

/** What the swarm says about a name; undefined: it is not one of the swarm's that the client may see. */
function resolve(query: Query, view: ClientView, pickIndex: (count: number) => number): Reply | undefined {
  const { name, type } = query;
  if (name === undefined || (query.class !== recordClass.IN && query.class !== recordClass.ANY)) return undefined;
  const target = findName(name, view.zones);
  if (target !== undefined) {
    const wanted = type === recordType.A || type === recordType.ANY;
    return toReply(wanted ? addressRecords(target, pickIndex) : [], target.ttlSeconds);
  }
  const address = addressOfReverseName(name);
  const pointer = address === undefined ? undefined : findPointer(address, view.zones);
  if (pointer === undefined) return undefined;
  return toReply(type === recordType.PTR || type === recordType.ANY ? [pointer] : [], pointer.ttlSeconds);
}

/** A name that exists is never denied, whatever the type asked for: resolvers would give up on its addresses too. */
const toReply = (records: readonly ReplyRecord[], ttlSeconds: number): Reply =>
  records.length > 0
    ? { rcode: rcode.NOERROR, records }
    : { rcode: rcode.NOERROR, records, noDataTtlSeconds: ttlSeconds };

function findName(name: string, zones: readonly Zone[]): NameTarget | undefined {
  for (const zone of zones) {
    const target = zone.names.get(name);
    if (target !== undefined) return target;
  }
  for (const zone of zones) {
    const bare = name.length - zone.name.length - 1;
    if (bare <= 0 || name[bare] !== "." || !name.endsWith(zone.name.toLowerCase())) continue;
    const target = zone.names.get(name.slice(0, bare));
    if (target !== undefined) return target;
  }
  return undefined;
}

/** Rotated by chance, so that clients that take the first one share the load. */
function addressRecords(target: NameTarget, pickIndex: (count: number) => number): ReplyRecord[] {
  const { addresses, ttlSeconds } = target;
  const first = addresses.length > 1 ? pickIndex(addresses.length) : 0;
  const records: ReplyRecord[] = [];
  for (let i = 0; i < addresses.length; i++) {
    const address = addresses[(first + i) % addresses.length] as string;
    records.push({ type: "A", address, ttlSeconds });
  }
  return records;
}

function findPointer(address: string, zones: readonly Zone[]): ReplyRecord | undefined {
  for (const zone of zones) {
    const canonical = zone.reverse.get(address);
    if (canonical === undefined) continue;
    const target = `${canonical}.${zone.name}`;
    if (!isEncodable(target)) return undefined;
    const ttlSeconds = zone.names.get(canonical)?.ttlSeconds ?? defaultTtlSeconds;
    return { type: "PTR", target, ttlSeconds };
  }
  return undefined;
}

const isEncodable = (name: string): boolean =>
  Buffer.byteLength(name) <= 253 && name.split(".").every((label) => label !== "" && Buffer.byteLength(label) <= 63);

/** `5.1.0.10.in-addr.arpa` → `10.0.1.5`. */
function addressOfReverseName(name: string): string | undefined {
  if (!name.endsWith(".in-addr.arpa")) return undefined;
  const labels = name.slice(0, -".in-addr.arpa".length).split(".");
  return labels.length === 4 ? labels.reverse().join(".") : undefined;
}

/** As moby: with `ndots` set, the client comes again with its search domains, so bare names are not asked outside. */
const staysInside = ({ name, type }: Query, { ndots }: ClientView): boolean =>
  ndots !== undefined &&
  ndots > 0 &&
  name !== undefined &&
  (type === recordType.A || type === recordType.AAAA) &&
  !name.includes(".");
