import { spawn } from "node:child_process";

export interface ShellResult {
  readonly code: number;
  /** What it printed, standard output and standard error as they came. */
  readonly output: string;
}

export interface ShellOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onOutput?: (text: string) => void;
}

const graceMs = 2000;

/**
 * Runs a command as a reader's shell would, to its end. It gets a process group of its own: Ctrl-C reaches us alone, and we end all of
 * the command. Rejects only when `signal` aborts, once the command is gone.
 */
export function runShell(command: string, options: ShellOptions): Promise<ShellResult> {
  const { cwd, env, signal, onOutput } = options;
  signal.throwIfAborted();
  const child = spawn("sh", ["-c", command], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const take = (text: string) => {
    output += text;
    onOutput?.(text);
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", take);
  const stop = () => endGroup(child.pid);
  signal.addEventListener("abort", stop, { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else resolve({ code: code ?? 1, output });
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  signalGroup(pid, "SIGTERM");
  setTimeout(() => signalGroup(pid, "SIGKILL"), graceMs).unref();
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // it has ended
  }
}
