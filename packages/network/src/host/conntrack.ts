import { closeSync, openSync, readSync } from "node:fs";
import type { TransportProtocol } from "@skep/model";
import type { ConnectionFilter } from "./kernel.ts";
import { ipv4Bytes, ipv4Text } from "./netlink/addresses.ts";
import {
  type Attributes,
  attribute,
  be16,
  type Message,
  message,
  NLM_F_ACK,
  NLM_F_DUMP,
  nested,
  parseAttributes,
  u8,
  u32,
} from "./netlink/message.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "./netlink/socket.ts";

/** Numbers of linux/netfilter/nfnetlink_conntrack.h. */
const IPCTNL_MSG_CT_GET = 0x101;
const IPCTNL_MSG_CT_DELETE = 0x102;
const CTA = { original: 1, reply: 2, id: 12, zone: 18, filter: 25 } as const;
const TUPLE = { ip: 1, protocol: 2 } as const;
const IP = { source: 1, destination: 2 } as const;
const PROTO = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
/** Which parts of a tuple the kernel is to compare. */
const FLAG = { source: 1, destination: 2, protocol: 8, sourcePort: 16, destinationPort: 32 } as const;

const protocolNumbers: Record<TransportProtocol, number> = { tcp: 6, udp: 17, sctp: 132 };

/** struct nfgenmsg. */
const ipv4 = Buffer.from([2, 0, 0, 0]);

/** One direction of a connection. */
export interface Tuple {
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface Connection {
  readonly original: Tuple;
  readonly reply: Tuple;
}

/** The connections that the kernel tracks in the namespace the object is made in. Calls must not overlap. */
export class ConnectionTable implements Disposable {
  readonly #socket = new NetlinkSocket(NETLINK_NETFILTER);
  /** Goes on telling of this namespace wherever it is read. */
  readonly #countFile = openSync("/proc/sys/net/netfilter/nf_conntrack_count", "r");

  list(filter: ConnectionFilter = {}): Promise<Connection[]> {
    return this.#find([filter], decodeConnection);
  }

  /**
   * Deletes what matches any of the filters; returns how many there were. To list them the kernel walks through the
   * table of all namespaces, some 10 ms: it is not asked to where there is nothing, and for many filters at a time.
   */
  async forget(...filters: readonly ConnectionFilter[]): Promise<number> {
    const count = this.count();
    if (count === 0) return 0;
    const deletions = new Map<string, Buffer>();
    for (const group of walks(filters, count))
      for (const deletion of await this.#find(group, encodeDeletion))
        deletions.set(deletion.toString("latin1"), deletion);
    const answers = await this.#socket.exchange([...deletions.values()], "slow");
    return answers.filter(({ errno }) => errno === undefined).length; // the others ended by themselves
  }

  /** Connections of this namespace. */
  count(): number {
    const bytes = Buffer.alloc(16);
    return Number(bytes.toString("latin1", 0, readSync(this.#countFile, bytes, 0, bytes.length, 0)));
  }

  /** One filter is the kernel's to apply, several are ours. */
  #find<T>(filters: readonly ConnectionFilter[], take: (attributes: Attributes) => T): Promise<T[]> {
    const [only = {}] = filters.length === 1 ? filters : [];
    const request = message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, ipv4, ...encodeFilter(only));
    const takeMatching = ({ body }: Message) => {
      const attributes = parseAttributes(body, ipv4.length);
      const connection = decodeConnection(attributes);
      return filters.some((filter) => matches(connection, filter)) ? take(attributes) : undefined;
    };
    return this.#socket.dumpInto(takeMatching, request, "slow");
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    closeSync(this.#countFile);
  }
}

/** Looking at an entry here costs as much as the kernel's walk past a thousand. */
const entriesPerWalk = 1000;

/** Filters that share a walk: all, unless there are more entries to look at than walks are worth. */
const walks = (filters: readonly ConnectionFilter[], count: number): (readonly ConnectionFilter[])[] =>
  filters.length * entriesPerWalk < count ? filters.map((filter) => [filter]) : filters.length > 0 ? [filters] : [];

/** The part of a filter that the kernel can be asked for (since 5.8; older ones list everything). */
export function encodeFilter(filter: ConnectionFilter): Buffer[] {
  const protocol = filter.protocol && protocolNumbers[filter.protocol];
  const original = tupleFilter(protocol, {
    source: filter.originalSource,
    destination: filter.originalDestination,
    destinationPort: filter.originalDestinationPort,
  });
  const reply = tupleFilter(protocol, { source: filter.replySource, sourcePort: filter.replySourcePort });
  if (original.flags === 0 && reply.flags === 0) return [];
  const flags = nested(CTA.filter, attribute(1, u32(original.flags)), attribute(2, u32(reply.flags)));
  return [
    ...(original.flags ? [nested(CTA.original, ...original.parts)] : []),
    ...(reply.flags ? [nested(CTA.reply, ...reply.parts)] : []),
    flags,
  ];
}

interface TupleFilter {
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

/** A port means something only together with its protocol. */
function tupleFilter(
  protocol: number | undefined,
  wanted: TupleFilter,
): { readonly flags: number; readonly parts: Buffer[] } {
  const addresses: Buffer[] = [];
  const ports: Buffer[] = [];
  let flags = 0;
  if (wanted.source !== undefined) {
    addresses.push(attribute(IP.source, ipv4Bytes(wanted.source)));
    flags |= FLAG.source;
  }
  if (wanted.destination !== undefined) {
    addresses.push(attribute(IP.destination, ipv4Bytes(wanted.destination)));
    flags |= FLAG.destination;
  }
  if (protocol !== undefined) {
    ports.push(attribute(PROTO.number, u8(protocol)));
    flags |= FLAG.protocol;
    if (wanted.sourcePort !== undefined) {
      ports.push(attribute(PROTO.sourcePort, be16(wanted.sourcePort)));
      flags |= FLAG.sourcePort;
    }
    if (wanted.destinationPort !== undefined) {
      ports.push(attribute(PROTO.destinationPort, be16(wanted.destinationPort)));
      flags |= FLAG.destinationPort;
    }
  }
  const parts = [nested(TUPLE.ip, ...addresses), nested(TUPLE.protocol, ...ports)];
  return { flags, parts: parts.filter(({ length }) => length > 4) };
}

/** Tuple, zone and id as they were listed: an entry made anew with the same addresses is another. */
function encodeDeletion(attributes: Attributes): Buffer {
  const original = nested(CTA.original, attributes.get(CTA.original) ?? Buffer.alloc(0));
  const zone = attributes.get(CTA.zone);
  const id = attributes.get(CTA.id);
  return message(
    IPCTNL_MSG_CT_DELETE,
    NLM_F_ACK,
    ipv4,
    original,
    ...(zone ? [attribute(CTA.zone, zone)] : []),
    ...(id ? [attribute(CTA.id, id)] : []),
  );
}

const decodeConnection = (attributes: Attributes): Connection => ({
  original: decodeTuple(attributes.get(CTA.original)),
  reply: decodeTuple(attributes.get(CTA.reply)),
});

function decodeTuple(bytes: Buffer = Buffer.alloc(0)): Tuple {
  const parts = parseAttributes(bytes);
  const addresses = parseAttributes(parts.get(TUPLE.ip) ?? Buffer.alloc(0));
  const ports = parseAttributes(parts.get(TUPLE.protocol) ?? Buffer.alloc(0));
  return {
    protocol: ports.get(PROTO.number)?.readUInt8(0) ?? 0,
    source: ipv4Text(addresses.get(IP.source)),
    destination: ipv4Text(addresses.get(IP.destination)),
    sourcePort: ports.get(PROTO.sourcePort)?.readUInt16BE(0) ?? 0,
    destinationPort: ports.get(PROTO.destinationPort)?.readUInt16BE(0) ?? 0,
  };
}

/** Whether every given part of the filter is the connection's. */
export function matches({ original, reply }: Connection, filter: ConnectionFilter): boolean {
  const is = <T>(wanted: T | undefined, actual: T) => wanted === undefined || wanted === actual;
  return (
    is(filter.protocol && protocolNumbers[filter.protocol], original.protocol) &&
    is(filter.originalSource, original.source) &&
    is(filter.originalDestination, original.destination) &&
    is(filter.originalDestinationPort, original.destinationPort) &&
    is(filter.replySource, reply.source) &&
    is(filter.replySourcePort, reply.sourcePort)
  );
}
