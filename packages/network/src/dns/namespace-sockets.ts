import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { isIPv6, Socket as TcpSocket } from "node:net";
import { AF_INET, check, libc, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } from "../host/libc.ts";
import { enterNamespace, type OpenNamespace } from "../host/netns.ts";

// Sockets keep the namespace they were made in, whichever thread uses them later.

const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUFFORCE = 33;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
const burstBytes = Buffer.from(Int32Array.of(1024 * 1024).buffer);
const on = Buffer.from(Int32Array.of(1).buffer);

/** Where containers look for their resolver. */
export const resolverAddress = "127.0.0.11";

/** Bound to a loopback address in the namespace, on `port` or, with 0, on any. Throws `EADDRINUSE` when it is taken. */
export function bindIn(
  namespace: OpenNamespace,
  kind: "udp" | "tcp",
  address: string,
  port: number,
): { readonly fd: number; readonly port: number } {
  const fd = socketIn(namespace, AF_INET, kind);
  closingOnFailure(fd, () => {
    raiseLoopback(fd);
    // a burst waits for us rather than its clients for their time-outs; without the right to, the system's default holds
    if (kind === "udp") libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, burstBytes, burstBytes.length);
    // connections of an earlier process that wait for their end do not count as taken
    if (kind === "tcp") check(libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, on, on.length), "setsockopt");
    bindTo(fd, socketName(AF_INET, port, address), `${address}:${port}`);
  });
  return { fd, port: boundPort(fd) };
}

/** Where questions to upstream servers start from. */
export interface Dialer {
  udp(server: string): UdpSocket;
  /** Not connected yet. */
  tcp(server: string): TcpSocket;
}

/** Addresses are numbers already; asking the system for them would cost each packet a turn of the event loop. */
export const noLookup = (
  address: string,
  _options: unknown,
  done: (error: Error | null, address: string, family: number) => void,
): void => done(null, address, isIPv6(address) ? 6 : 4);

export const udpSocket = (server?: string): UdpSocket =>
  createSocket({ type: server !== undefined && isIPv6(server) ? "udp6" : "udp4", lookup: noLookup });

/** From where this process is. */
export const nodeDialer: Dialer = {
  udp: udpSocket,
  tcp: () => new TcpSocket(),
};

/** From inside a container. */
export const dialerIn = (namespace: OpenNamespace): Dialer => ({
  udp(server) {
    const family = isIPv6(server) ? AF_INET6 : AF_INET;
    const fd = socketIn(namespace, family, "udp");
    // before Node has it: Node allows others to have its port too, and then one of two would get the answers of both
    closingOnFailure(fd, () => bindTo(fd, socketName(family), "any port"));
    return udpSocket(server).bind({ fd });
  },
  tcp(server) {
    const fd = socketIn(namespace, isIPv6(server) ? AF_INET6 : AF_INET, "tcp");
    return new TcpSocket({ fd, readable: true, writable: true, manualStart: true } as { fd: number });
  },
});

function socketIn(namespace: OpenNamespace, family: number, kind: "udp" | "tcp"): number {
  const type = (kind === "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  return enterNamespace(namespace.fd, () => check(libc().socket(family, type, 0), "socket"));
}

/** `struct sockaddr_in` or `sockaddr_in6`, the family in the machine's own byte order; any port and address by default. */
function socketName(family: number, port = 0, address?: string): Buffer {
  const name = Buffer.alloc(family === AF_INET ? 16 : 28);
  name.set(new Uint8Array(Uint16Array.of(family).buffer));
  name.writeUInt16BE(port, 2);
  if (address !== undefined) name.set(address.split(".").map(Number), 4);
  return name;
}

/**
 * Whoever binds to an address of a loopback device that was never up is not refused, but will answer from another
 * address, and not be understood (seen with Linux 6.18).
 */
function raiseLoopback(fd: number): void {
  const request = Buffer.alloc(40); // struct ifreq: the name in 16 bytes, then the flags
  request.write("lo");
  const flags = new Int16Array(request.buffer, request.byteOffset + 16, 1);
  check(libc().ioctl(fd, SIOCGIFFLAGS, request), "flags of lo");
  const [now = 0] = flags;
  if ((now & IFF_UP) !== 0) return;
  flags[0] = now | IFF_UP;
  check(libc().ioctl(fd, SIOCSIFFLAGS, request), "lo up");
}

const bindTo = (fd: number, name: Buffer, what: string): number =>
  check(libc().bind(fd, name, name.length), `bind ${what}`);

function closingOnFailure(fd: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

function boundPort(fd: number): number {
  const name = Buffer.alloc(16);
  const length = Buffer.from(Int32Array.of(name.length).buffer);
  check(libc().getsockname(fd, name, length), "getsockname");
  return name.readUInt16BE(2);
}
