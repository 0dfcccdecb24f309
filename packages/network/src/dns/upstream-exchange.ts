import type { Socket as UdpSocket } from "node:dgram";
import type { Socket as TcpSocket } from "node:net";
import type { Dialer } from "./namespace-sockets.ts";
import { headerBytes, isResponse, rcode } from "./query.ts";
import type { Transport } from "./reply.ts";

const dnsPort = 53;

/** Whom to ask, from where, and how long to wait. */
export interface Target {
  readonly server: string;
  readonly dialer: Dialer;
  readonly timeoutMs: number;
}

/** A question on its way to one upstream server. */
export interface Exchange {
  /** The answer; rejects when none came in time, or the server cannot be reached. */
  readonly answered: Promise<Buffer>;
  cancel(): void;
}

/** Asks one server. The socket is this question's own: a stranger would have to guess its port as well as the id. */
export function askUpstream(target: Target, request: Buffer, questionEnd: number, transport: Transport): Exchange {
  const { server, dialer, timeoutMs } = target;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const take = (packet: Buffer) => {
    if (isAnswer(packet, request, questionEnd)) resolve(packet);
  };
  const fail = (why: string) => reject(new Error(`${server}: ${why}`));
  let close = (): void => {};
  try {
    close =
      transport === "udp"
        ? askByUdp(dialer.udp(server), server, request, take, fail)
        : askByTcp(dialer.tcp(server), server, request, take, fail);
  } catch (error) {
    reject(error);
  }
  const timer = setTimeout(fail, timeoutMs, "no answer in time");
  const answered = promise.finally(() => {
    clearTimeout(timer);
    close();
  });
  return { answered, cancel: () => fail("cancelled") };
}

/** Connected, so that the kernel takes packets from that server only, and tells when nobody listens there. */
function askByUdp(
  socket: UdpSocket,
  server: string,
  request: Buffer,
  take: (packet: Buffer) => void,
  fail: (why: string) => void,
): () => void {
  socket.on("message", take);
  socket.on("error", (error) => fail(error.message));
  const sent = (error: Error | null) => {
    if (error) fail(error.message);
  };
  // called with an error when there is no way to the server, which the types do not tell
  socket.connect(dnsPort, server, (error?: Error) => (error ? fail(error.message) : socket.send(request, sent)));
  let open = true;
  return () => {
    if (open) socket.close();
    open = false;
  };
}

function askByTcp(
  socket: TcpSocket,
  server: string,
  request: Buffer,
  take: (packet: Buffer) => void,
  fail: (why: string) => void,
): () => void {
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", (error) => fail(error.message));
  socket.on("close", () => fail("closed the connection"));
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      take(received.subarray(2, 2 + received.readUInt16BE(0)));
      fail("answered something else");
    }
  });
  socket.connect(dnsPort, server);
  socket.write(withLength(request));
  return () => socket.destroy();
}

/** As messages are sent by TCP. */
export function withLength(packet: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + packet.length);
  framed.writeUInt16BE(packet.length, 0);
  packet.copy(framed, 2);
  return framed;
}

/** Whether a packet answers the request: its id and its question, capitals aside. Refusals may leave the question out. */
export function isAnswer(packet: Buffer, request: Buffer, questionEnd: number): boolean {
  if (packet.length < headerBytes || !isResponse(packet) || packet.readUInt16BE(0) !== request.readUInt16BE(0)) {
    return false;
  }
  if (packet.readUInt16BE(4) === 0) return (packet.readUInt8(3) & 15) !== rcode.NOERROR;
  if (packet.readUInt16BE(4) !== 1 || packet.length < questionEnd) return false;
  for (let at = headerBytes; at < questionEnd; at++) {
    if (lowerCase(packet[at] ?? 0) !== lowerCase(request[at] ?? 0)) return false;
  }
  return true;
}

const lowerCase = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);
