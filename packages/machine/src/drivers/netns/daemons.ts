import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DomainError } from "@skep/model";
import type { Host, StartedProcess } from "../../host.ts";
import type { Machine } from "../../machine.ts";
import { writeJson } from "../../machine-records.ts";
import { untilAnswering } from "../../unix-http.ts";
import {
  engineCommand,
  engineConfig,
  enterCommand,
  initCommand,
  markerVariable,
  skepdCommand,
} from "./node-commands.ts";
import { type DaemonName, daemonPid, initPid, sendSignal, untilEnded } from "./node-processes.ts";
import type { Command } from "./plan-network.ts";

const readyMs = 60_000;

/** Starts the node's first process with an empty `/run`; resolves with its process id when the node's view is complete. */
export async function startInit(host: Host, machine: Machine, signal?: AbortSignal): Promise<number> {
  const { paths } = machine;
  await rm(paths.initRecord, { force: true });
  await rm(paths.run, { recursive: true, force: true });
  await mkdir(join(paths.run, "skep"), { recursive: true });
  await mkdir(join(paths.home, "etc"), { recursive: true });
  await writeFile(paths.resolvConf, machine.nameservers.map((address) => `nameserver ${address}\n`).join(""));
  await ensureConfig(paths.engineConfig, engineConfig(machine));
  await ensureConfig(paths.skepdConfig, {});
  const { exited } = start(host, machine, initCommand(machine), paths.initLog);
  return untilReady(machine, "the node's first process", exited, paths.initLog, signal, async (deadline) => {
    for (;;) {
      const pid = initPid(machine);
      if (pid !== undefined) return pid;
      await delay(5, undefined, { signal: deadline });
    }
  });
}

/** A config file of the node's own, kept once it is there: without one a daemon would read this machine's. */
async function ensureConfig(file: string, content: object): Promise<void> {
  if (!existsSync(file)) await writeJson(file, content);
}

/** Starts a daemon of a node that is up; resolves when it answers on its socket. */
export async function startDaemon(
  host: Host,
  machine: Machine,
  daemon: DaemonName,
  signal?: AbortSignal,
): Promise<void> {
  const init = initPid(machine);
  if (init === undefined) {
    throw new DomainError(
      "conflict",
      `node ${machine.name} is stopped: start it with: skep machine start ${machine.name}`,
    );
  }
  const { command, socket, log, folder } = daemonOf(machine, daemon);
  await mkdir(folder, { recursive: true });
  const { exited } = start(host, machine, enterCommand(init, command), log);
  // ours gives way to one that a killed `create` or `start` has begun: then that one is to answer
  const failed = exited.then((code) =>
    daemonPid(machine, daemon) === undefined ? code : new Promise<never>(() => {}),
  );
  await untilReady(machine, command[0] ?? daemon, failed, log, signal, (deadline) => untilAnswering(socket, deadline));
}

interface Daemon {
  readonly command: Command;
  readonly socket: string;
  readonly log: string;
  /** Its data root. */
  readonly folder: string;
}

function daemonOf(machine: Machine, daemon: DaemonName): Daemon {
  const { paths, skepd } = machine;
  if (daemon === "engine") {
    const { engineSocket: socket, engineLog: log, engineDataRoot: folder } = paths;
    return { command: engineCommand(machine), socket, log, folder };
  }
  if (skepd === undefined) throw new DomainError("conflict", `node ${machine.name} was created without skepd`);
  return {
    command: skepdCommand({ ...machine, skepd }),
    socket: paths.skepSocket,
    log: paths.log,
    folder: paths.dataRoot,
  };
}

/** SIGKILL to one daemon, and nothing else of the node; resolves when it is gone. False when it did not run. */
export async function killDaemon(machine: Machine, daemon: DaemonName): Promise<boolean> {
  const pid = daemonPid(machine, daemon);
  if (pid === undefined) return false;
  sendSignal(pid, "SIGKILL");
  return untilEnded(pid, 10_000);
}

const start = (host: Host, machine: Machine, command: Command, logFile: string) =>
  host.start(command, { logFile, environment: { [markerVariable]: machine.paths.home } });

/** Waits for `ready`, but no longer than the process lives, `signal` allows, or a minute. */
async function untilReady<T>(
  machine: Machine,
  what: string,
  exited: StartedProcess["exited"],
  log: string,
  signal: AbortSignal | undefined,
  ready: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const deadline = AbortSignal.any([over.signal, AbortSignal.timeout(readyMs), ...(signal ? [signal] : [])]);
  const died = exited.then(async (code) => {
    throw new DomainError("unavailable", `${what} of ${machine.name} ended at once (${code}):${await tailOf(log)}`);
  });
  try {
    return await Promise.race([ready(deadline), died]);
  } catch (error) {
    signal?.throwIfAborted();
    if (!deadline.aborted) throw error;
    throw new DomainError(
      "unavailable",
      `${what} of ${machine.name} was not ready within ${readyMs / 1000} s:${await tailOf(log)}`,
    );
  } finally {
    over.abort();
    died.catch(() => {}); // it may end at any time later; that is no longer ours to report
  }
}

/** The last lines of a log, indented, for an error message. */
async function tailOf(log: string): Promise<string> {
  const text = await readFile(log, "utf8").catch(() => "");
  const lines = text.trimEnd().split("\n").slice(-8);
  return `\n${lines.map((line) => `    ${line}`).join("\n")}`;
}
