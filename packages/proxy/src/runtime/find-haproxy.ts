import { readdir, readFile } from "node:fs/promises";
import { hasCode } from "@skep/model";

/** A process of HAProxy that was started with our sockets. */
export interface FoundProcess {
  readonly pid: number;
  readonly parentPid: number;
  /** Started with the config of this controller too. */
  readonly sameConfig: boolean;
  /** Clock ticks since the machine's start: with the pid, it tells a process from a later one. */
  readonly startTicks: number;
}

/**
 * The masters of HAProxy with our master socket, by their command lines. A pid file would miss one whose controller
 * died before it was written.
 */
export async function findMasters(masterSocket: string, configPath: string): Promise<FoundProcess[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
  const found: FoundProcess[] = [];
  for (const pid of pids) {
    const words = (await readOrGone(`/proc/${pid}/cmdline`))?.split("\0");
    if (!words || !followedBy(words, "-S", masterSocket)) continue;
    const status = await processStatus(pid);
    if (status) found.push({ pid, ...status, sameConfig: followedBy(words, "-f", configPath) });
  }
  const own = new Set(found.map(({ pid }) => pid));
  return found.filter(({ parentPid }) => !own.has(parentPid));
}

const followedBy = (words: readonly string[], option: string, value: string) =>
  words.some((word, i) => word === option && words[i + 1] === value);

/** Undefined when the process has ended, also when nobody has collected it yet. */
export async function processStatus(pid: number): Promise<{ parentPid: number; startTicks: number } | undefined> {
  const text = await readOrGone(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name before may have anything in it
  return fields[0] === "Z" || fields[0] === "X"
    ? undefined
    : { parentPid: Number(fields[1]), startTicks: Number(fields[19]) };
}

async function readOrGone(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES")) return undefined;
    throw error;
  }
}
