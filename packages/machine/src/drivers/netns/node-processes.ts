import { readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DomainError } from "@skep/model";
import { type Machine, machinePaths, namespaceOf, prefixOf } from "../../machine.ts";
import { markerVariable } from "./node-commands.ts";
import { namespaceFolder } from "./observe-network.ts";
import { findProcesses, isAlive, type Process, type ProcessRecord, parseStat, processRecord } from "./processes.ts";

export type DaemonName = "engine" | "skepd";

/** In the order in which they start. */
export const daemonsOf = (machine: Machine): readonly DaemonName[] =>
  machine.skepd === undefined ? ["engine"] : ["engine", "skepd"];

const pidFiles: Record<DaemonName, string> = { engine: "docker.pid", skepd: "skepd.pid" };

/** A node by name, recorded or not: what is left of one is found by its names alone. */
export interface NodeName {
  readonly root: string;
  readonly name: string;
}

/** The node's first process, when it is alive and really the one that recorded itself. */
export function initPid(node: NodeName): number | undefined {
  const line = readText(machinePaths(node.root, node.name).initRecord);
  const record = line === undefined ? undefined : parseStat(line);
  return record !== undefined && isAlive(record) ? record.pid : undefined;
}

/** The node's network namespace as `net:[…]`, when it exists. */
export function networkNamespace(node: NodeName): string | undefined {
  try {
    const file = join(namespaceFolder, namespaceOf({ prefix: prefixOf(node.root), name: node.name }));
    return `net:[${statSync(file).ino}]`;
  } catch {
    return undefined;
  }
}

/**
 * Every process of a node: those marked as its own by their environment, those in its network namespace, and those in
 * its PID namespace. `known` adds a namespace whose name is gone already.
 */
export function nodeProcesses(node: NodeName, known?: string): Process[] {
  const init = initPid(node);
  const namespaces = [known, networkNamespace(node), init === undefined ? undefined : pidNamespaceOf(init)].filter(
    (name): name is string => name !== undefined && !isOurs(name),
  );
  const home = machinePaths(node.root, node.name).home;
  return findProcesses({
    marker: `\0${markerVariable}=${home}`,
    namespaces: new Set(namespaces),
  }).filter((found) => found.pid !== process.pid);
}

/** Never take this machine's own namespaces for a node's, whatever a file claims. */
const isOurs = (namespace: string) =>
  namespace === readlinkSync("/proc/self/ns/net") || namespace === readlinkSync("/proc/self/ns/pid");

/** Undefined when the process is gone, or belongs to somebody whom we may not look at. */
export function pidNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

/** The machine's own number of a daemon's process; undefined when it does not run. */
export function daemonPid(machine: Machine, daemon: DaemonName): number | undefined {
  const init = initPid(machine);
  const inner = Number.parseInt(readText(join(machine.paths.run, pidFiles[daemon])) ?? "", 10);
  if (init === undefined || !(inner > 0)) return undefined;
  const namespace = pidNamespaceOf(init);
  return nodeProcesses(machine).find(({ pidNamespace, innerPid }) => pidNamespace === namespace && innerPid === inner)
    ?.pid;
}

const checkMs = 15;

const killMs = 15_000;

/**
 * Ends every process of the node with SIGKILL; after 15 s it gives up and names those that remain. The first process
 * goes first: the kernel ends all others in its PID namespace with it, while their parents outside still reap them.
 */
export async function killProcesses(node: NodeName, known?: string): Promise<void> {
  const deadline = AbortSignal.timeout(killMs);
  const hit = new Map<number, ProcessRecord>();
  const kill = async (find: () => readonly number[], wait = () => {}) => {
    for (;;) {
      for (const pid of find()) {
        const record = processRecord(pid);
        if (record !== undefined && sendSignal(pid, "SIGKILL")) hit.set(pid, record);
      }
      // a dying process loses its namespaces before it is gone: wait for all that were hit, found again or not
      const left = [...hit.values()].filter(isAlive).map(({ pid }) => pid);
      if (left.length === 0) return;
      if (deadline.aborted) throw stubborn(node, left);
      wait();
      await delay(checkMs);
    }
  };
  // whoever has brought a process in stops when that is stopped, and would never reap it
  const wake = () => {
    for (const { pid } of nodeProcesses(node, known)) sendSignal(pid, "SIGCONT");
  };
  await kill(() => [initPid(node)].filter((pid) => pid !== undefined), wake);
  await kill(() => nodeProcesses(node, known).map(({ pid }) => pid));
}

const stubborn = (node: NodeName, pids: readonly number[]) =>
  new DomainError(
    "unavailable",
    `processes ${pids.join(", ")} of node ${node.name} do not end; look at them, then repeat the command`,
  );

/** False when the process is gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Resolves with true when the process has ended, with false when it has not after `timeoutMs`. */
export async function untilEnded(pid: number, timeoutMs: number): Promise<boolean> {
  const record = processRecord(pid);
  const deadline = AbortSignal.timeout(timeoutMs);
  while (record !== undefined && isAlive(record)) {
    if (deadline.aborted) return false;
    await delay(checkMs);
  }
  return true;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
