import { fstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hasCode } from "@skep/model";

/** A netlink socket that a library opened in this process: known by its descriptor, and its ports. */
export interface OwnSocket {
  readonly descriptors: ReadonlyMap<number, number>;
  readonly ports: readonly number[];
}

/** One line of `/proc/net/netlink`. */
export interface NetlinkTableRow {
  readonly protocol: number;
  readonly port: number;
  readonly inode: number;
}

/** Columns: address, protocol, port, groups, …, inode. */
export function parseNetlinkTable(text: string): NetlinkTableRow[] {
  return text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => {
      const fields = line.trim().split(/\s+/);
      return { protocol: Number(fields[1]), port: Number(fields[2]), inode: Number(fields.at(-1)) };
    });
}

/** This process's netlink sockets of a protocol that belong to the namespace of the calling thread. */
export function findOwnSocket(protocol: number): OwnSocket {
  const rows = parseNetlinkTable(readFileSync("/proc/thread-self/net/netlink", "utf8"));
  const portOf = new Map(rows.filter((row) => row.protocol === protocol).map(({ inode, port }) => [inode, port]));
  const descriptors = new Map([...socketInodes("/proc/self/fd")].filter(([, inode]) => portOf.has(inode)));
  return { descriptors, ports: [...new Set(descriptors.values())].map((inode) => portOf.get(inode) ?? 0) };
}

/** Whether all of the descriptors are what they were: a library may close its socket and open another. */
export function isStill({ descriptors }: OwnSocket): boolean {
  return descriptors.size > 0 && [...descriptors].every(([fd, inode]) => inodeOf(fd) === inode);
}

function inodeOf(fd: number): number {
  try {
    return fstatSync(fd).ino;
  } catch {
    return 0;
  }
}

/** Inodes of the sockets among a process's descriptors. */
export function* socketInodes(directory: string): Generator<[fd: number, inode: number]> {
  for (const fd of readdirSync(directory)) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkTarget(`${directory}/${fd}`))?.[1];
    if (inode) yield [Number(fd), Number(inode)];
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES", "ESRCH")) return ""; // closed meanwhile
    throw error;
  }
}
