import { isIPv4 } from "node:net";

// Just enough of the DNS's packets for a test to ask what no resolver library lets one ask.

export const types: Readonly<Record<string, number>> = { A: 1, PTR: 12, AAAA: 28 };
const edns = 41;

export interface Question {
  readonly type: string;
  readonly name: string;
  /** The size that is advertised by EDNS, where it is used. */
  readonly ednsBytes?: number;
}

export interface DnsRecord {
  readonly type: string;
  readonly data: string;
  readonly ttl: number;
}

export interface DnsAnswer {
  readonly id: number;
  readonly code: string;
  readonly truncated: boolean;
  readonly edns: boolean;
  readonly records: readonly DnsRecord[];
  readonly bytes: number;
}

const codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] as const;
export type Code = (typeof codes)[number];

export function encodeQuestion(id: number, { type, name, ednsBytes }: Question): Buffer {
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, ednsBytes === undefined ? 0 : 1]);
  const tail = Buffer.from([0, types[type] ?? 0, 0, 1]);
  if (ednsBytes === undefined) return Buffer.concat([head, encodeName(name), tail]);
  const option = Buffer.from([0, 0, edns, ednsBytes >> 8, ednsBytes & 255, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, encodeName(name), tail, option]);
}

/** What a server answers to `packet`: this address, or a code. */
export function encodeAnswer(packet: Buffer, answer: { readonly address: string } | { readonly code: Code }): Buffer {
  const { end } = decodeQuestion(packet);
  const answers = "address" in answer && isIPv4(answer.address) ? 1 : 0;
  const head = Buffer.from(packet.subarray(0, 12));
  head.writeUInt16BE(0x8180 | ("code" in answer ? codes.indexOf(answer.code) : 0), 2);
  head.writeUInt16BE(answers, 6);
  head.writeUInt32BE(0, 8);
  const record = "address" in answer ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...bytesOf(answer.address)] : [];
  return Buffer.concat([head, packet.subarray(12, end), Buffer.from(record)]);
}

export function decodeQuestion(packet: Buffer): { readonly name: string; readonly type: string; readonly end: number } {
  const { name, end } = decodeName(packet, 12);
  return { name, type: typeName(packet.readUInt16BE(end)), end: end + 4 };
}

export function decodeAnswer(packet: Buffer): DnsAnswer {
  const flags = packet.readUInt16BE(2);
  const count = packet.readUInt16BE(6) + packet.readUInt16BE(8) + packet.readUInt16BE(10);
  const records: DnsRecord[] = [];
  let at = decodeQuestion(packet).end;
  for (let i = 0; i < count; i++) {
    const { end } = decodeName(packet, at);
    const type = typeName(packet.readUInt16BE(end));
    records.push({ type, ttl: packet.readUInt32BE(end + 4), data: dataOf(packet, type, end + 10) });
    at = end + 10 + packet.readUInt16BE(end + 8);
  }
  return {
    id: packet.readUInt16BE(0),
    code: codes[flags & 15] ?? `${flags & 15}`,
    truncated: (flags & 0x0200) !== 0,
    edns: records.some(({ type }) => type === `${edns}`),
    records: records.slice(0, packet.readUInt16BE(6)),
    bytes: packet.length,
  };
}

function dataOf(packet: Buffer, type: string, at: number): string {
  if (type === "A") return packet.subarray(at, at + 4).join(".");
  return type === "PTR" ? decodeName(packet, at).name : "";
}

const typeName = (number: number) => Object.keys(types).find((name) => types[name] === number) ?? `${number}`;
const bytesOf = (address: string) => address.split(".").map(Number);

function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function decodeName(packet: Buffer, from: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = from;
  for (;;) {
    const length = packet.readUInt8(at);
    if (length === 0) return { name: labels.join("."), end: at + 1 };
    if (length >= 0xc0) {
      const rest = decodeName(packet, packet.readUInt16BE(at) & 0x3fff).name;
      return { name: [...labels, rest].filter(Boolean).join("."), end: at + 2 };
    }
    labels.push(packet.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
}
