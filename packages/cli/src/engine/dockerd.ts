import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { DomainError } from "@skep/model";

/** A running dockerd, as far as its configuration matters. */
export interface Dockerd {
  readonly pid: number;
  /** Its command line, the program first. */
  readonly command: readonly string[];
}

export const defaultConfigFile = "/etc/docker/daemon.json";

/** Every value of a flag, in dockerd's two spellings: `--name=value` and `--name value`. */
export function flagValues(command: readonly string[], name: string): string[] {
  return command.flatMap((word, i) => {
    if (word.startsWith(`--${name}=`)) return word.slice(name.length + 3);
    return word === `--${name}` ? (command[i + 1] ?? []) : [];
  });
}

/** The file this dockerd reads its configuration from. */
export const configFileOf = ({ command }: Dockerd): string =>
  flagValues(command, "config-file").at(-1) ?? defaultConfigFile;

/** The process of the pid file; without one the only dockerd in our namespaces. Undefined when none runs. */
export function findDockerd(pidfile: string): Dockerd | undefined {
  const recorded = attempt(() => Number(readFileSync(pidfile, "utf8")));
  if (recorded !== undefined) return dockerdOf(recorded);
  const found = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (dockerdOf(Number(name)) ?? []) : []));
  const ours = found.filter(({ pid }) =>
    ["mnt", "pid"].every((kind) => namespace(pid, kind) === namespace("self", kind)),
  );
  if (ours.length > 1) {
    const pids = ours.map(({ pid }) => pid).join(", ");
    throw new DomainError(
      "conflict",
      `there is no ${pidfile}, and several dockerd run (${pids}): say which with --pidfile`,
    );
  }
  return ours[0];
}

/** Undefined when this process is not dockerd: a pid file may be older than the machine's start. */
function dockerdOf(pid: number): Dockerd | undefined {
  if (!(Number.isInteger(pid) && pid > 0)) return undefined;
  return attempt(() => {
    if (readFileSync(`/proc/${pid}/comm`, "utf8").trim() !== "dockerd") return undefined;
    return { pid, command: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1) };
  });
}

const namespace = (pid: number | "self", kind: string) => attempt(() => readlinkSync(`/proc/${pid}/ns/${kind}`));

/** Processes vanish while one looks at them. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
