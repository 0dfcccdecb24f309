// Questions, read from their bytes. Names are kept as bytes too: an answer has to repeat them exactly, capitals and all
// (clients put chance into them), and text would not give back labels with dots or bytes that are no UTF-8.

export const headerBytes = 12;

export const recordType = { A: 1, SOA: 6, PTR: 12, AAAA: 28, OPT: 41, ANY: 255 } as const;
export const recordClass = { IN: 1, ANY: 255 } as const;
export const rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** Of EDNS: its upper bits travel in the OPT record. */
  BADVERS: 16,
} as const;
export type Rcode = (typeof rcode)[keyof typeof rcode];

/** RFC 6891. */
export interface Edns {
  /** What the client can take by UDP. */
  readonly udpBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  readonly packet: Buffer;
  /** Lower case, without the last dot; undefined when a label has a dot in it, which none of ours has. */
  readonly name: string | undefined;
  readonly type: number;
  readonly class: number;
  /** Where the question ends; it begins behind the header. `headerBytes` when there is none to repeat. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
}

/** A packet, or why it is none to answer: `refused` ones still get an answer with that code. */
export type ParsedQuery =
  | { readonly is: "query"; readonly query: Query }
  | { readonly is: "refused"; readonly query: Query; readonly rcode: Rcode }
  | { readonly is: "noise" };

const maxNameBytes = 255;
const maxLabelBytes = 63;

export function parseQuery(packet: Buffer): ParsedQuery {
  if (packet.length < headerBytes || isResponse(packet)) return { is: "noise" };
  const refused = (code: Rcode): ParsedQuery => ({ is: "refused", query: headerOnly(packet), rcode: code });
  if (opcodeOf(packet) !== 0) return refused(rcode.NOTIMP);
  if (packet.readUInt16BE(4) !== 1) return refused(rcode.FORMERR);
  const nameEnd = skipPlainName(packet, headerBytes);
  const questionEnd = nameEnd + 4;
  if (nameEnd < 0 || questionEnd > packet.length) return refused(rcode.FORMERR);
  const edns = findEdns(packet, questionEnd);
  if (edns === "malformed") return refused(rcode.FORMERR);
  const query: Query = {
    packet,
    name: readName(packet, nameEnd),
    type: packet.readUInt16BE(nameEnd),
    class: packet.readUInt16BE(nameEnd + 2),
    questionEnd,
    edns,
  };
  if (edns !== undefined && edns.version !== 0) return { is: "refused", query, rcode: rcode.BADVERS };
  return { is: "query", query };
}

export const isResponse = (packet: Buffer): boolean => (packet.readUInt8(2) & 0x80) !== 0;

const opcodeOf = (packet: Buffer): number => (packet.readUInt8(2) >> 3) & 15;

const headerOnly = (packet: Buffer): Query => ({
  packet,
  name: undefined,
  type: 0,
  class: 0,
  questionEnd: headerBytes,
  edns: undefined,
});

/** Where a name without pointers ends, or -1. */
function skipPlainName(packet: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = packet[at];
    if (length === undefined || length > maxLabelBytes) return -1;
    at += 1 + length;
    if (at - start > maxNameBytes) return -1;
    if (length === 0) return at;
  }
}

/** Where any name ends, or -1; a pointer ends it, where it leads is of no interest. */
function skipName(packet: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = packet[at];
    if (length === undefined) return -1;
    if (length >= 0xc0) return at + 2;
    if (length > maxLabelBytes) return -1;
    at += 1 + length;
    if (length === 0) return at;
  }
}

const scratch = Buffer.alloc(maxNameBytes + 1);

/** The question's name, which ends at `end` and is known to be well-formed. */
function readName(packet: Buffer, end: number): string | undefined {
  let length = 0;
  for (let at = headerBytes; at < end - 1; ) {
    const labelEnd = at + 1 + (packet[at] ?? 0);
    if (length > 0) scratch[length++] = 0x2e;
    for (at++; at < labelEnd; at++) {
      const byte = packet[at] ?? 0;
      if (byte === 0x2e) return undefined;
      scratch[length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
  }
  return scratch.toString("utf8", 0, length);
}

/** The OPT record among what follows the question. */
function findEdns(packet: Buffer, questionEnd: number): Edns | undefined | "malformed" {
  const records = packet.readUInt16BE(6) + packet.readUInt16BE(8) + packet.readUInt16BE(10);
  let edns: Edns | undefined;
  let at = questionEnd;
  for (let i = 0; i < records; i++) {
    const nameEnd = skipName(packet, at);
    if (nameEnd < 0 || nameEnd + 10 > packet.length) return "malformed";
    if (packet.readUInt16BE(nameEnd) === recordType.OPT) {
      if (edns !== undefined || nameEnd !== at + 1) return "malformed";
      edns = {
        udpBytes: packet.readUInt16BE(nameEnd + 2),
        version: packet.readUInt8(nameEnd + 5),
        dnssecOk: (packet.readUInt8(nameEnd + 6) & 0x80) !== 0,
      };
    }
    at = nameEnd + 10 + packet.readUInt16BE(nameEnd + 8);
    if (at > packet.length) return "malformed";
  }
  return edns;
}
