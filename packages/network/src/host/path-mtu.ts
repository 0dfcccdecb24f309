import { randomBytes } from "node:crypto";
import koffi, { type node } from "koffi";
import { AF_INET, check, lastErrno, libc, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_RAW } from "./libc.ts";
import { ipv4Bytes } from "./netlink/addresses.ts";

const IPPROTO_ICMP = 1;
const IP_MTU_DISCOVER = 10;
/** Don't fragment, whatever the kernel believes to know of the path. */
const IP_PMTUDISC_PROBE = 3;
const headerBytes = 28; // IPv4 and ICMP
/** Every IPv4 host takes packets of this size. */
const smallestBytes = 576;

export interface ProbeOptions {
  /** For one packet; each size is tried twice. */
  readonly timeoutMs?: number;
}

/**
 * The size of the largest IPv4 packet, `maxBytes` at most, that a host receives in one piece and answers; undefined when
 * it answers none. The answer itself may come in fragments: the way back is for the other side to probe. The calling
 * thread's namespace counts.
 */
export async function probePathMtu(
  address: string,
  maxBytes: number,
  { timeoutMs = 500 }: ProbeOptions = {},
): Promise<number | undefined> {
  using pinger = new Pinger(address);
  const passes = async (bytes: number) =>
    (await pinger.ping(bytes, timeoutMs)) || (await pinger.ping(bytes, timeoutMs));
  return await largestPassing(Math.min(smallestBytes, maxBytes), maxBytes, passes);
}

/** The largest size that passes; the largest is tried first, as it does pass nearly always. */
export async function largestPassing(
  smallest: number,
  largest: number,
  passes: (bytes: number) => Promise<boolean>,
): Promise<number | undefined> {
  if (await passes(largest)) return largest;
  if (smallest >= largest || !(await passes(smallest))) return undefined;
  let [good, bad] = [smallest, largest];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (await passes(middle)) good = middle;
    else bad = middle;
  }
  return good;
}

type Outcome = "answered" | "too-big";

/** Sends ICMP echo requests to one host, one at a time. */
class Pinger implements Disposable {
  readonly #fd: number;
  readonly #to = Buffer.alloc(16);
  readonly #identifier = randomBytes(2).readUInt16BE();
  readonly #poll: node.PollHandle;
  #sequence = 0;
  #onOutcome: (sequence: number, outcome: Outcome) => void = () => {};

  constructor(address: string) {
    this.#to.writeUInt16LE(AF_INET, 0);
    ipv4Bytes(address).copy(this.#to, 4);
    this.#fd = check(libc().socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP), "socket SOCK_RAW");
    const mode = Buffer.from([IP_PMTUDISC_PROBE, 0, 0, 0]);
    check(libc().setsockopt(this.#fd, 0, IP_MTU_DISCOVER, mode, mode.length), "setsockopt IP_MTU_DISCOVER");
    this.#poll = koffi.node.poll(this.#fd, { readable: true }, () => this.#read());
  }

  /** Whether a packet of the size is answered. */
  ping(bytes: number, timeoutMs: number): Promise<boolean> {
    const sequence = ++this.#sequence;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    this.#onOutcome = (of, outcome) => {
      if (of === sequence) resolve(outcome === "answered");
    };
    const request = echoRequest(this.#identifier, sequence, bytes - headerBytes);
    if (libc().sendto(this.#fd, request, request.length, 0, this.#to, this.#to.length) < 0) {
      const code = lastErrno();
      if (code !== "EAGAIN" && code !== "ENOBUFS") resolve(false); // EMSGSIZE: larger than the own interface
    }
    return promise.finally(() => clearTimeout(timer));
  }

  #read(): void {
    const buffer = Buffer.alloc(65_536);
    for (;;) {
      const length = libc().recv(this.#fd, buffer, buffer.length, MSG_DONTWAIT);
      if (length <= 0) return;
      const reply = parseReply(buffer.subarray(0, length));
      if (reply?.identifier === this.#identifier) this.#onOutcome(reply.sequence, reply.outcome);
    }
  }

  [Symbol.dispose](): void {
    this.#poll.close();
    libc().close(this.#fd);
  }
}

const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const ECHO_REQUEST = 8;
const FRAGMENTATION_NEEDED = 4;

export function echoRequest(identifier: number, sequence: number, dataBytes: number): Buffer {
  const packet = Buffer.alloc(8 + dataBytes);
  packet[0] = ECHO_REQUEST;
  packet.writeUInt16BE(identifier, 4);
  packet.writeUInt16BE(sequence, 6);
  packet.writeUInt16BE(internetChecksum(packet), 2);
  return packet;
}

/** RFC 1071. */
export function internetChecksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  if (bytes.length % 2) sum += bytes.readUInt8(bytes.length - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

interface Reply {
  readonly identifier: number;
  readonly sequence: number;
  readonly outcome: Outcome;
}

/** What a received IPv4 packet says of an echo request; a router's complaint quotes it. */
export function parseReply(packet: Buffer): Reply | undefined {
  const icmp = packet.subarray((packet.readUInt8(0) & 15) * 4);
  if (icmp.length < 8) return undefined;
  const [type, code] = icmp;
  if (type === ECHO_REPLY) return { ...identity(icmp), outcome: "answered" };
  if (type !== UNREACHABLE || code !== FRAGMENTATION_NEEDED) return undefined;
  const quoted = icmp.subarray(8);
  const request = quoted.subarray(((quoted[0] ?? 0) & 15) * 4);
  return request.length >= 8 && request[0] === ECHO_REQUEST ? { ...identity(request), outcome: "too-big" } : undefined;
}

const identity = (icmp: Buffer) => ({ identifier: icmp.readUInt16BE(4), sequence: icmp.readUInt16BE(6) });
