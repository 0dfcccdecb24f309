import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { DomainError } from "@skep/model";

export const defaultMachineRoot = "/var/lib/skep/machines";

/** A node made on this machine, as its folder records it. */
export interface Machine {
  readonly name: string;
  readonly driver: "netns";
  /** The folder of all machines; everything of this one is below `root/name`. */
  readonly root: string;
  /** Begins the names of links, network namespaces, cgroups and the nftables table of this root. */
  readonly prefix: string;
  readonly subnet: string;
  /** The number of the node's address within the subnet; it also names the node's link on the bridge. */
  readonly index: number;
  readonly address: string;
  readonly nameservers: readonly string[];
  /** Flags handed to dockerd as they are, `--` included. */
  readonly engineOptions: readonly string[];
  /** The command that starts skepd; undefined when the node has an engine only. */
  readonly skepd?: string;
  readonly createdAt: string;
  readonly paths: MachinePaths;
}

export interface MachinePaths {
  /** The node's folder. */
  readonly home: string;
  /** Becomes the node's `/run`. */
  readonly run: string;
  readonly skepSocket: string;
  readonly engineSocket: string;
  /** skepd's data root. */
  readonly dataRoot: string;
  readonly engineDataRoot: string;
  /** skepd's log. */
  readonly log: string;
  readonly engineLog: string;
  readonly initLog: string;
  readonly resolvConf: string;
  readonly engineConfig: string;
  readonly skepdConfig: string;
  /** `/proc/PID/stat` of the node's first process, as it wrote it itself. */
  readonly initRecord: string;
}

/**
 * - `incomplete`: a folder without a record, left by an interrupted creation or removal
 * - `degraded`: the node is up, but its engine or its skepd is not
 * - `unknown`: the node is up, and only root may look at its daemons
 */
export type MachineState = "incomplete" | "running" | "degraded" | "unknown" | "stopped";

export function machinePaths(root: string, name: string): MachinePaths {
  const home = join(resolve(root), name);
  const run = join(home, "run");
  return {
    home,
    run,
    skepSocket: join(run, "skep", "docker.sock"),
    engineSocket: join(run, "docker.sock"),
    dataRoot: join(home, "skep"),
    engineDataRoot: join(home, "docker"),
    log: join(home, "log", "skepd.log"),
    engineLog: join(home, "log", "dockerd.log"),
    initLog: join(home, "log", "init.log"),
    resolvConf: join(home, "etc", "resolv.conf"),
    engineConfig: join(home, "etc", "daemon.json"),
    skepdConfig: join(home, "etc", "skepd.json"),
    initRecord: join(home, "init"),
  };
}

/** `skepm` for the default root (`skep-` is for routers of a skepd on this machine itself); for any other one derived from its path, so that two roots never share a name. */
export function prefixOf(root: string): string {
  const path = resolve(root);
  if (path === defaultMachineRoot) return "skepm";
  return `skep${createHash("sha256").update(path).digest("hex").slice(0, 5)}`;
}

export const namespaceOf = (machine: Pick<Machine, "prefix" | "name">) => `${machine.prefix}-${machine.name}`;
export const linkOf = (machine: Pick<Machine, "prefix" | "index">) => `${machine.prefix}-${machine.index}`;
export const cgroupOf = namespaceOf;

const longestSocketPath = 107;

/** Refuses names that cannot be a host name, and folders too deep for a unix socket (Linux: 107 bytes). */
export function checkMachineName(root: string, name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) {
    throw new DomainError(
      "invalid-parameter",
      `"${name}" cannot name a node: use lower-case letters, digits and inner hyphens, 63 at most (node-1, for example)`,
    );
  }
  const socket = machinePaths(root, name).skepSocket;
  if (Buffer.byteLength(socket) > longestSocketPath) {
    throw new DomainError(
      "invalid-parameter",
      `the socket path ${socket} is longer than the ${longestSocketPath} bytes Linux allows: choose a shorter name or another --root`,
    );
  }
}
