import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process as /proc shows it. */
export interface Process {
  readonly pid: number;
  /** Its number in the innermost PID namespace it is in. */
  readonly innerPid: number;
  /** Identities of its namespaces, as `net:[4026531840]`. */
  readonly netNamespace: string;
  readonly pidNamespace: string;
}

/** Who a process is, beyond a number that may be given to another one: its start, in clock ticks after boot. */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTicks: string;
}

/** Reads a line of `/proc/PID/stat`; the command's name in it may hold spaces and brackets. */
export function parseStat(line: string): ProcessRecord | undefined {
  const pid = Number.parseInt(line, 10);
  const fields = line
    .slice(line.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const state = fields[0];
  const startTicks = fields[19];
  if (!(pid > 0) || startTicks === undefined || state === "Z" || state === "X") return undefined;
  return { pid, startTicks };
}

/** Undefined when no such process is alive. */
export function processRecord(pid: number): ProcessRecord | undefined {
  const line = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  return line === undefined ? undefined : parseStat(line);
}

export const isAlive = ({ pid, startTicks }: ProcessRecord): boolean => processRecord(pid)?.startTicks === startTicks;

/** All processes for which `marker` stands in their environment, or that are in one of the namespaces given. */
export function findProcesses(wanted: {
  readonly marker: string;
  readonly namespaces: ReadonlySet<string>;
}): Process[] {
  const marker = `${wanted.marker}\0`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? [])
    .filter(
      (process) =>
        wanted.namespaces.has(process.netNamespace) ||
        wanted.namespaces.has(process.pidNamespace) ||
        environmentOf(process.pid).includes(marker),
    );
}

/** Undefined when it has ended, is only waiting to be reaped, or belongs to somebody whom we may not look at. */
function readProcess(pid: number): Process | undefined {
  return attempt(() => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    if (/^State:\s+[ZX]/m.test(status)) return undefined;
    const numbers = /^NSpid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
    return {
      pid,
      innerPid: Number(numbers.at(-1) ?? pid),
      netNamespace: readlinkSync(`/proc/${pid}/ns/net`),
      pidNamespace: readlinkSync(`/proc/${pid}/ns/pid`),
    };
  });
}

const environmentOf = (pid: number) => `\0${attempt(() => readFileSync(`/proc/${pid}/environ`, "latin1")) ?? ""}`;

/** Processes vanish while one looks at them. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
