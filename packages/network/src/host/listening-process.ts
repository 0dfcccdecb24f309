import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import { hasCode, type PublishedPort, type TransportProtocol } from "@skep/model";
import {
  AF_INET,
  check,
  failed,
  lastErrno,
  libc,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "./libc.ts";

/** A socket as `/proc/net/tcp` and its like list it. */
export interface ListedSocket {
  readonly address: string;
  readonly port: number;
  readonly listening: boolean;
  readonly inode: number;
}

const TCP_LISTEN = "0A";

/** Sockets that take what comes to their port: of TCP the listening ones, of UDP those that are not connected. */
export function parseSocketTable(text: string, protocol: "tcp" | "udp"): ListedSocket[] {
  return text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const [, local = "", remote = "", state = "", , , , , , inode = "0"] = line.trim().split(/\s+/);
      const [address = "", port = "0"] = local.split(":");
      const listening = protocol === "tcp" ? state === TCP_LISTEN : remote.endsWith(":0000");
      return { address, port: Number.parseInt(port, 16), listening, inode: Number(inode) };
    });
}

const anyIpv6 = "0".repeat(32);
const mappedIpv4 = "0000000000000000FFFF0000";

/** Sockets of one IPv6 address do not see what comes to an IPv4 address. */
const takesIpv4 = ({ address }: ListedSocket) =>
  address.length === 8 || address === anyIpv6 || address.startsWith(mappedIpv4);

export interface FindListenerOptions {
  /** What this process listens on does not count. */
  readonly excludePid?: number;
}

type Port = Pick<PublishedPort, "protocol" | "published">;

/**
 * The processes that listen on ports of this node, as `nginx (pid 123)`. The kernel takes its time for its tables, which
 * are read once for all ports. SCTP has no such table; its ports count as free.
 */
export async function findListeners<T extends Port>(
  ports: readonly T[],
  { excludePid }: FindListenerOptions = {},
): Promise<Map<T, string>> {
  const sockets = await listenersOn(ports);
  const owners = await ownersOf(new Set([...sockets.values()].flat()));
  const names = new Map<T, string>();
  const unseen: T[] = [];
  for (const [port, inodes] of sockets) {
    const own = owners.filter((owner) => inodes.some((inode) => owner.inodes.has(inode)));
    const foreign = own.find(({ pid }) => pid !== excludePid);
    if (foreign) names.set(port, `${foreign.name} (pid ${foreign.pid})`);
    else if (inodes.includes(0)) names.set(port, "the kernel");
    else if (own.length === 0) unseen.push(port);
  }
  // closed since the tables were read, as this process's own hold may be, or really somebody's whom we cannot see
  for (const [port, inodes] of await listenersOn(unseen))
    if (inodes.some((inode) => sockets.get(port)?.includes(inode))) names.set(port, "a process of another namespace");
  return names;
}

/** The sockets that take what comes to the ports, by their inodes; ports without any are left out. */
async function listenersOn<T extends Port>(ports: readonly T[]): Promise<Map<T, number[]>> {
  const found = new Map<T, number[]>();
  for (const protocol of ["tcp", "udp"] as const) {
    const asked = ports.filter((port) => port.protocol === protocol);
    if (asked.length === 0) continue;
    const byPort = Map.groupBy(await listeners(protocol), ({ port }) => port);
    for (const port of asked) {
      const sockets = byPort.get(port.published);
      if (sockets)
        found.set(
          port,
          sockets.map(({ inode }) => inode),
        );
    }
  }
  return found;
}

/** Read by a thread of the pool, which is in this node's namespace always; the first thread may be elsewhere. */
async function listeners(protocol: "tcp" | "udp"): Promise<ListedSocket[]> {
  const tables = await Promise.all(
    [protocol, `${protocol}6`].map((name) => readOrNothing(`/proc/thread-self/net/${name}`)),
  );
  return tables
    .flatMap((text) => parseSocketTable(text, protocol))
    .filter((socket) => socket.listening && takesIpv4(socket));
}

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return ""; // without IPv6; the process ended
    throw error;
  }
}

interface Owner {
  readonly pid: number;
  readonly name: string;
  /** Those of the sockets looked for that it has. */
  readonly inodes: ReadonlySet<number>;
}

async function ownersOf(sockets: ReadonlySet<number>): Promise<Owner[]> {
  if (sockets.size === 0) return [];
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
  const owners: Owner[] = [];
  for (const pid of pids.sort((a, b) => a - b)) {
    const inodes = (await socketsOf(pid)).intersection(sockets);
    if (inodes.size > 0) owners.push({ pid, name: await nameOf(pid), inodes });
  }
  return owners;
}

async function nameOf(pid: number): Promise<string> {
  const [thread, commandLine] = await Promise.all([
    readOrNothing(`/proc/${pid}/comm`),
    readOrNothing(`/proc/${pid}/cmdline`),
  ]);
  return processName(thread, commandLine);
}

/** As its operator knows it: programs such as Node call their first thread something else, `MainThread`. */
export function processName(thread: string, commandLine: string): string {
  const name = thread.trim();
  const words = commandLine.split("\0").map((word) => basename(word.trim()));
  const isOwn = words.some((word) => word.startsWith(name));
  return isOwn ? name : (words[0] ?? "").replace(/:? .*/s, "") || name;
}

async function socketsOf(pid: number): Promise<Set<number>> {
  const directory = `/proc/${pid}/fd`;
  try {
    const links = await Promise.allSettled((await readdir(directory)).map((fd) => readlink(`${directory}/${fd}`)));
    return new Set(
      links
        .flatMap((link) => (link.status === "fulfilled" ? (/^socket:\[(\d+)\]$/.exec(link.value)?.[1] ?? []) : []))
        .map(Number),
    );
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES")) return new Set();
    throw error;
  }
}

const socketTypes = { tcp: SOCK_STREAM, udp: SOCK_DGRAM } as const;

/**
 * Keeps others from listening on a port of the calling thread's namespace, until disposed; undefined when somebody
 * does already. Nobody answers there: the mesh takes the packets before they get to the socket.
 */
export function holdPort(protocol: TransportProtocol, port: number): Disposable | undefined {
  if (protocol === "sctp") return { [Symbol.dispose]: () => {} };
  const type = socketTypes[protocol] | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const fd = check(libc().socket(AF_INET, type, 0), "socket");
  const hold = { [Symbol.dispose]: once(() => libc().close(fd)) };
  try {
    // connections of a server that has gone are no hindrance; another that listens is nevertheless
    setSocketOption(fd, protocol === "tcp" ? SO_REUSEADDR : SO_RCVBUF, 1);
    if (libc().bind(fd, anyAddress(port), 16) !== 0) return inUse(hold, protocol, port);
    if (protocol === "tcp" && libc().listen(fd, 1) !== 0) return inUse(hold, protocol, port);
    return hold;
  } catch (error) {
    hold[Symbol.dispose]();
    throw error;
  }
}

const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;

function setSocketOption(fd: number, option: number, value: number): void {
  const SOL_SOCKET = 1;
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  check(libc().setsockopt(fd, SOL_SOCKET, option, bytes, bytes.length), "setsockopt");
}

/** struct sockaddr_in of 0.0.0.0. */
function anyAddress(port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  return address;
}

function inUse(hold: Disposable, protocol: string, port: number): undefined {
  if (lastErrno() !== "EADDRINUSE") throw failed(`hold ${port}/${protocol}`);
  hold[Symbol.dispose]();
  return undefined;
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
