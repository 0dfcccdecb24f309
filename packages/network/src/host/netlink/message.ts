/** The wire format of netlink: a header of 16 bytes, one of the message's family, attributes. See netlink(7). */

export const NLM_F_REQUEST = 1;
export const NLM_F_MULTI = 2;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

const headerBytes = 16;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

const aligned = (length: number) => (length + 3) & ~3;

/** One attribute, padded to four bytes. */
export function attribute(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(aligned(4 + payload.length));
  bytes.writeUInt16LE(4 + payload.length, 0);
  bytes.writeUInt16LE(type, 2);
  payload.copy(bytes, 4);
  return bytes;
}

/** An attribute made of attributes, after the bytes of a header when the type has one. */
export const nested = (type: number, ...content: Buffer[]): Buffer =>
  attribute(type | NLA_F_NESTED, Buffer.concat(content));

export function u8(value: number): Buffer {
  return Buffer.from([value]);
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

/** In network byte order, as ports are. */
export function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Ended by a zero byte, as names are. */
export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** A request; its sequence number is filled in when it is sent. */
export function message(type: number, flags: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const bytes = Buffer.alloc(headerBytes + aligned(body.length));
  bytes.writeUInt32LE(headerBytes + body.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags | NLM_F_REQUEST, 6);
  body.copy(bytes, headerBytes);
  return bytes;
}

export function setSequence(request: Buffer, sequence: number): void {
  request.writeUInt32LE(sequence, 8);
}

/** A message as the kernel sent it. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The socket whose request the message is about; 0 for the kernel's own doing. */
  readonly port: number;
  /** What follows the header. */
  readonly body: Buffer;
}

/** The messages of one datagram. */
export function parseMessages(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  let at = 0;
  while (at + headerBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    if (length < headerBytes || at + length > bytes.length) break; // cut off
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      port: bytes.readUInt32LE(at + 12),
      body: bytes.subarray(at + headerBytes, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

export type Attributes = ReadonlyMap<number, Buffer>;

/** The attributes after a family's header of `from` bytes; the last of a type counts. */
export function parseAttributes(bytes: Buffer, from = 0): Attributes {
  const attributes = new Map<number, Buffer>();
  let at = aligned(from);
  while (at + 4 <= bytes.length) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    attributes.set(bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += aligned(length);
  }
  return attributes;
}

/** Text without its zero byte. */
export function readText(bytes: Buffer | undefined): string {
  if (!bytes) return "";
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

/** What an `NLMSG_ERROR` says: errno (0 when all went well), and the kernel's own words when it has some. */
export function parseError({ flags, body }: Message): { readonly errno: number; readonly words: string } {
  const errno = Math.abs(body.readInt32LE(0)); // negative on the wire
  if (!(flags & NLM_F_ACK_TLVS)) return { errno, words: "" };
  const echoed = flags & NLM_F_CAPPED ? headerBytes : aligned(body.readUInt32LE(4));
  return { errno, words: readText(parseAttributes(body, 4 + echoed).get(1)) };
}
