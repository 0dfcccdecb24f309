import { realpath, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { DomainError } from "@skep/model";
import { runtimeName } from "@skep/runtime";
import {
  backupOf,
  type DaemonJson,
  type RuntimeEntry,
  readDaemonJson,
  withoutEmptyRuntimes,
  withoutRuntime,
  withRuntime,
  writeDaemonJson,
} from "./daemon-json.ts";
import { configFileOf, type Dockerd, defaultConfigFile, findDockerd, flagValues } from "./dockerd.ts";
import { containersOf, type EngineInfo, type EngineRuntime, engineInfo } from "./engine-api.ts";

/** How long dockerd may take to read its file again. */
const reloadMs = 15_000;

/** Which engine is meant; what is not given is found out, or Docker's default. */
export interface EngineTarget {
  readonly configFile?: string;
  readonly socket: string;
  readonly pidfile: string;
}

/** An engine with its configuration, as found. */
export interface Registration {
  readonly target: EngineTarget;
  readonly config: DaemonJson;
  /** Undefined when the engine does not run. */
  readonly running: { readonly dockerd: Dockerd; readonly info: EngineInfo } | undefined;
  /** `name=path` of `--add-runtime` flags. */
  readonly flags: readonly string[];
}

/** Throws when what runs and what is asked for do not fit together. */
export async function observe(target: EngineTarget): Promise<Registration> {
  const info = await engineInfo(target.socket);
  const dockerd = findDockerd(target.pidfile);
  if (info !== undefined && dockerd === undefined) {
    throw new DomainError(
      "not-found",
      `an engine answers on ${target.socket}, but its process was not found: name its pid file with --pidfile`,
    );
  }
  if (info === undefined && dockerd !== undefined) {
    throw new DomainError(
      "unavailable",
      `dockerd runs (process ${dockerd.pid}), but does not answer on ${target.socket}: name its socket with --socket, or wait until it is ready`,
    );
  }
  const config = await readDaemonJson(configFile(target, dockerd));
  const flags = dockerd === undefined ? [] : flagValues(dockerd.command, "add-runtime");
  return { target, config, flags, running: info && dockerd && { dockerd, info } };
}

function configFile({ configFile: asked }: EngineTarget, dockerd: Dockerd | undefined): string {
  if (dockerd === undefined) return asked ?? defaultConfigFile;
  const used = configFileOf(dockerd);
  if (asked === undefined || asked === used) return used;
  throw new DomainError("conflict", `dockerd (process ${dockerd.pid}) reads ${used}, and not ${asked}`);
}

/** Registers the runtime; resolves with what was done, for the operator. */
export async function install(target: EngineTarget, entry: RuntimeEntry, waitMs = reloadMs): Promise<string> {
  const found = await observe(target);
  const byFlag = flagEntry(found);
  if (byFlag !== undefined) return installedByFlag(byFlag, entry);
  if (found.flags.length > 0) throw flagsConflict(found, entry);
  const text = withRuntime(found.config.text, runtimeName, entry);
  const isWritten = text === found.config.text || isSame(found.config.runtimes[runtimeName], entry);
  const isLoaded = isSame(found.running?.info.Runtimes?.[runtimeName], entry);
  if (isWritten && (isLoaded || found.running === undefined)) {
    return `${found.config.file} has the runtime ${runtimeName} already\n`;
  }
  if (!isWritten) await writeDaemonJson(found.config, text);
  if (found.running === undefined) {
    return `${found.config.file} now has the runtime ${runtimeName}; the engine does not run, and will have it when it starts\n`;
  }
  await reloadOrUndo(found, text, (info) => isSame(info.Runtimes?.[runtimeName], entry), waitMs);
  const earlier = found.config.runtimes[runtimeName]?.path;
  const moved = earlier === undefined || earlier === entry.path ? "" : ` in place of ${earlier}`;
  return `the engine now has the runtime ${runtimeName} (${entry.path})${moved}, and so has ${found.config.file}; no container was restarted\n`;
}

/** Takes the runtime out again; resolves with what was done, for the operator. */
export async function remove(target: EngineTarget): Promise<string> {
  const found = await observe(target);
  const byFlag = flagEntry(found);
  if (byFlag !== undefined) {
    throw new DomainError(
      "conflict",
      `dockerd is started with --add-runtime ${runtimeName}=${byFlag}: take the flag away and restart it`,
    );
  }
  const isWritten = found.config.runtimes[runtimeName] !== undefined;
  if (!isWritten && found.running?.info.Runtimes?.[runtimeName] === undefined) {
    return `the engine has no runtime ${runtimeName}; nothing to do\n`;
  }
  const running = await unused(found);
  const text = withoutRuntime(found.config.text, runtimeName);
  if (text !== found.config.text) await writeDaemonJson(found.config, text);
  await reloadOrUndo({ ...found, running }, text, (info) => info.Runtimes?.[runtimeName] === undefined);
  const tidy = withoutEmptyRuntimes(text);
  if (tidy !== text) await writeDaemonJson({ ...found.config, text }, tidy);
  await rm(backupOf(await realpath(found.config.file)), { force: true });
  return `the engine has the runtime ${runtimeName} no longer, nor has ${found.config.file}\n`;
}

/** The running engine, once it is certain that nothing there needs the runtime. */
async function unused({ running, target, config }: Registration): Promise<NonNullable<Registration["running"]>> {
  if (running === undefined) {
    throw new DomainError(
      "unavailable",
      "the engine does not run, so it cannot tell whether containers need the runtime: start it first",
    );
  }
  if (config.defaultRuntime === runtimeName || running.info.DefaultRuntime === runtimeName) {
    throw new DomainError("conflict", `${runtimeName} is the engine's default runtime: choose another one first`);
  }
  const users = await containersOf(target.socket, runtimeName);
  if (users.length === 0) return running;
  const shown = users.length > 5 ? `${users.slice(0, 5).join(", ")} and ${users.length - 5} more` : users.join(", ");
  throw new DomainError(
    "conflict",
    `${users.length} container${users.length === 1 ? " needs" : "s need"} the runtime ${runtimeName} (${shown}): remove them first, services with: docker service rm`,
  );
}

/** Has dockerd read its file again; when it does not take it, the file gets back what it had. */
async function reloadOrUndo(
  { running, target, config }: Registration,
  written: string,
  isDone: (info: EngineInfo) => boolean,
  waitMs = reloadMs,
): Promise<void> {
  if (running === undefined) return;
  process.kill(running.dockerd.pid, "SIGHUP");
  const deadline = Date.now() + waitMs;
  while (Date.now() < deadline) {
    const info = await engineInfo(target.socket);
    if (info !== undefined && isDone(info)) return;
    await delay(50);
  }
  if (config.text === undefined) await rm(config.file, { force: true });
  else if (config.text !== written) await writeDaemonJson({ ...config, text: written }, config.text);
  throw new DomainError(
    "unavailable",
    `dockerd (process ${running.dockerd.pid}) did not take its new configuration within ${waitMs / 1000} s; its log has the reason ` +
      `(journalctl -u docker). ${config.file} is as it was`,
  );
}

/** Where a flag has the runtime, if one does. */
const flagEntry = ({ flags }: Registration): string | undefined =>
  flags.findLast((flag) => flag.startsWith(`${runtimeName}=`))?.slice(runtimeName.length + 1);

function installedByFlag(path: string, entry: RuntimeEntry): string {
  if (path === entry.path && !entry.runtimeArgs?.length) {
    return `dockerd is started with --add-runtime ${runtimeName}=${path} already; nothing to do\n`;
  }
  throw new DomainError(
    "conflict",
    `dockerd is started with --add-runtime ${runtimeName}=${path}, which is not ${[entry.path, ...(entry.runtimeArgs ?? [])].join(" ")}: ` +
      "take the flag away, restart it, and repeat the command",
  );
}

function flagsConflict({ flags, config, running }: Registration, entry: RuntimeEntry): DomainError {
  return new DomainError(
    "conflict",
    `dockerd (process ${running?.dockerd.pid}) is started with --add-runtime ${flags.join(" --add-runtime ")}, and refuses to have runtimes ` +
      `in its flags and in ${config.file} at once: move them to "runtimes" there, or start dockerd with --add-runtime ${runtimeName}=${entry.path} as well`,
  );
}

const isSame = (one: EngineRuntime | undefined, other: RuntimeEntry) =>
  one?.path === other.path && (one.runtimeArgs ?? []).join("\0") === (other.runtimeArgs ?? []).join("\0");
