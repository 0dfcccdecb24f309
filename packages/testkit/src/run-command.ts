import { spawn } from "node:child_process";

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit code; 128 and more when a signal ended the command. */
  readonly code: number;
}

export interface RunCommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  /** The command is killed after this time, and the result's code is 137; 60 s by default. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end, whatever its exit code; throws only when it cannot be started. */
export async function runCommand(command: readonly string[], options: RunCommandOptions = {}): Promise<CommandResult> {
  const { stdout, ...rest } = await runForBytes(command, options);
  return { stdout: stdout.toString(), ...rest };
}

/** Like `runCommand`, its output as bytes. */
export function runForBytes(
  command: readonly string[],
  { env, input, timeoutMs = 60_000 }: RunCommandOptions,
): Promise<Omit<CommandResult, "stdout"> & { readonly stdout: Buffer }> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { timeout: timeoutMs, killSignal: "SIGKILL", ...(env && { env }) });
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ stdout: Buffer.concat(stdout), stderr, code: code ?? 137 }));
    child.stdin.on("error", () => {}); // it ended without reading its input; the exit code tells why
    child.stdin.end(input);
  });
}
