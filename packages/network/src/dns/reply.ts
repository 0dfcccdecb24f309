import { headerBytes, type Query, type Rcode, rcode, recordClass, recordType } from "./query.ts";

/** What is said about the question's name; every record is the name's own. */
export interface Reply {
  readonly rcode: Rcode;
  readonly records: readonly ReplyRecord[];
  /** The name exists and has nothing of the type asked for: how long that may be remembered (RFC 2308). */
  readonly noDataTtlSeconds?: number;
}

export type ReplyRecord =
  | { readonly type: "A"; readonly address: string; readonly ttlSeconds: number }
  | { readonly type: "PTR"; readonly target: string; readonly ttlSeconds: number };

export type Transport = "udp" | "tcp";

/** Advertised to clients and upstreams: never fragmented on any link, as agreed on the DNS flag day of 2020. */
const ownUdpBytes = 1232;
const optBytes = 11;
const recordHeadBytes = 12;
const soaDataBytes = 2 + 1 + 20;

const truncatedFlag = 0x0200;

/** The longest answer that the client can take. */
export function maxReplyBytes(query: Query, transport: Transport): number {
  if (transport === "tcp") return 65_535;
  return Math.max(512, query.edns?.udpBytes ?? 0);
}

/** The answer as a packet; records that do not fit are left out, and the answer says that it is truncated. */
export function renderReply(query: Query, reply: Reply, maxBytes: number): Buffer {
  const room = maxBytes - query.questionEnd - (query.edns === undefined ? 0 : optBytes);
  const { fitting, bytes } = countFitting(reply.records, room);
  const soa = reply.noDataTtlSeconds !== undefined && room - bytes >= recordHeadBytes + soaDataBytes;
  const packet = Buffer.allocUnsafe(
    query.questionEnd + bytes + (soa ? recordHeadBytes + soaDataBytes : 0) + (query.edns === undefined ? 0 : optBytes),
  );
  query.packet.copy(packet, 0, 0, query.questionEnd);
  writeHeader(packet, query, reply.rcode, fitting < reply.records.length);
  packet.writeUInt16BE(fitting, 6);
  packet.writeUInt16BE(soa ? 1 : 0, 8);
  let at = query.questionEnd;
  for (let i = 0; i < fitting; i++) at = writeRecord(packet, at, reply.records[i] as ReplyRecord);
  if (soa) at = writeSoa(packet, at, reply.noDataTtlSeconds ?? 0);
  if (query.edns !== undefined) writeOpt(packet, at, query.edns.dnssecOk, reply.rcode);
  return packet;
}

/** An answer that only says that it has no room for what it should say: the client asks again by TCP. */
export function renderTruncated(query: Query): Buffer {
  const packet = renderReply(query, { rcode: rcode.NOERROR, records: [] }, 512);
  packet.writeUInt16BE(packet.readUInt16BE(2) | truncatedFlag, 2);
  return packet;
}

function writeHeader(packet: Buffer, query: Query, code: Rcode, truncated: boolean): void {
  const asked = query.packet.readUInt16BE(2);
  // response, recursion available; opcode, "recursion desired" and "checking disabled" as asked
  packet.writeUInt16BE(0x8080 | (asked & 0x7910) | (truncated ? truncatedFlag : 0) | (code & 15), 2);
  packet.writeUInt16BE(query.questionEnd > headerBytes ? 1 : 0, 4);
  packet.writeUInt16BE(query.edns === undefined ? 0 : 1, 10);
}

function countFitting(records: readonly ReplyRecord[], room: number): { fitting: number; bytes: number } {
  let bytes = 0;
  for (let i = 0; i < records.length; i++) {
    const next = bytes + recordHeadBytes + dataBytes(records[i] as ReplyRecord);
    if (next > room) return { fitting: i, bytes };
    bytes = next;
  }
  return { fitting: records.length, bytes };
}

const dataBytes = (record: ReplyRecord): number => (record.type === "A" ? 4 : Buffer.byteLength(record.target) + 2);

/** Behind a pointer to the question's name. */
function writeHead(packet: Buffer, at: number, type: number, ttlSeconds: number, bytes: number): number {
  packet.writeUInt16BE(0xc000 | headerBytes, at);
  packet.writeUInt16BE(type, at + 2);
  packet.writeUInt16BE(recordClass.IN, at + 4);
  packet.writeUInt32BE(ttlSeconds, at + 6);
  packet.writeUInt16BE(bytes, at + 10);
  return at + recordHeadBytes;
}

function writeRecord(packet: Buffer, at: number, record: ReplyRecord): number {
  const data = writeHead(packet, at, recordType[record.type], record.ttlSeconds, dataBytes(record));
  return record.type === "A" ? writeAddress(packet, data, record.address) : writeName(packet, data, record.target);
}

function writeAddress(packet: Buffer, at: number, address: string): number {
  let byte = 0;
  let end = at;
  for (let i = 0; i < address.length; i++) {
    const digit = address.charCodeAt(i) - 48;
    if (digit >= 0) byte = byte * 10 + digit;
    else {
      packet[end++] = byte;
      byte = 0;
    }
  }
  packet[end++] = byte;
  return end;
}

function writeName(packet: Buffer, at: number, name: string): number {
  let end = at;
  for (const label of name.split(".")) {
    const bytes = packet.write(label, end + 1);
    packet[end] = bytes;
    end += 1 + bytes;
  }
  packet[end] = 0;
  return end + 1;
}

/** The name is its own zone, without a mailbox: all that matters is how long its lack of data may be remembered. */
function writeSoa(packet: Buffer, at: number, ttlSeconds: number): number {
  const data = writeHead(packet, at, recordType.SOA, ttlSeconds, soaDataBytes);
  packet.writeUInt16BE(0xc000 | headerBytes, data);
  packet[data + 2] = 0;
  // serial, refresh, retry, expire, minimum
  [1, 3600, 600, 86_400, ttlSeconds].forEach((value, i) => {
    packet.writeUInt32BE(value, data + 3 + 4 * i);
  });
  return data + soaDataBytes;
}

function writeOpt(packet: Buffer, at: number, dnssecOk: boolean, code: Rcode): void {
  packet[at] = 0;
  packet.writeUInt16BE(recordType.OPT, at + 1);
  packet.writeUInt16BE(ownUdpBytes, at + 3);
  packet.writeUInt8(code >> 4, at + 5);
  packet.writeUInt8(0, at + 6);
  packet.writeUInt16BE(dnssecOk ? 0x8000 : 0, at + 7);
  packet.writeUInt16BE(0, at + 9);
}
