import { type ChildProcess, type ExecFileException, execFile, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { DomainError } from "@skep/model";

/** What the driver does to this machine; tests give one that prints itself. */
export interface Host {
  /** Runs a command to its end and returns what it printed; throws `CommandFailed` when it exits with anything but 0. */
  run(command: readonly string[], options?: RunOptions): Promise<string>;
  /** Starts a process that outlives this one, in a session of its own, its output appended to `logFile`. */
  start(command: readonly string[], options: StartOptions): StartedProcess;
  /** True when a program of this name can be run. */
  has(program: string): boolean;
}

export interface RunOptions {
  readonly input?: string;
  readonly signal?: AbortSignal;
}

export interface StartOptions {
  readonly logFile: string;
  /** Added to this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface StartedProcess {
  readonly pid: number;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
}

export class CommandFailed extends DomainError {
  override readonly name = "CommandFailed";
  constructor(command: readonly string[], reason: string) {
    super("internal", `${command.join(" ")}: ${reason}`);
  }
}

/** The machine itself; `environment` is handed to every process, with the system folders added to its PATH. */
export function systemHost(environment: NodeJS.ProcessEnv): Host {
  const env = { ...environment, PATH: `${environment.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin` };
  return {
    run: (command, options) => runCommand(command, env, options),
    start: (command, options) => startCommand(command, env, options),
    has: (program) => env.PATH.split(":").some((folder) => folder !== "" && existsSync(join(folder, program))),
  };
}

function runCommand(command: readonly string[], env: NodeJS.ProcessEnv, options: RunOptions = {}): Promise<string> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const settings = { env, maxBuffer: 64 << 20, ...(options.signal && { signal: options.signal }) };
    const child = execFile(file, args, settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new CommandFailed(command, explain(error, stderr)));
    });
    child.stdin?.on("error", () => {}); // the command ended without reading it: its exit code tells why
    child.stdin?.end(options.input ?? "");
  });
}

function explain(error: ExecFileException, stderr: string): string {
  if (error.code === "ENOENT") return "not found; install what is missing with: npm run setup";
  return stderr.trim() || error.message;
}

function startCommand(command: readonly string[], env: NodeJS.ProcessEnv, options: StartOptions): StartedProcess {
  const [file = "", ...args] = command;
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, "a");
  try {
    const child = spawn(file, args, {
      cwd: "/",
      detached: true,
      stdio: ["ignore", log, log],
      env: { ...env, ...options.environment },
    });
    const exited = exitOf(child);
    child.unref();
    return { pid: child.pid ?? 0, exited };
  } finally {
    closeSync(log);
  }
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
}

/** Refuses to begin when one of `programs` is missing, and says how to get it. */
export function requirePrograms(host: Host, programs: readonly string[]): void {
  const missing = programs.filter((program) => !host.has(program));
  if (missing.length === 0) return;
  throw new DomainError(
    "unavailable",
    `${missing.join(", ")} not found on this machine: "npm run setup" in skep's repository installs what nodes need`,
  );
}
