import { execFile } from "node:child_process";
import { hasCode } from "@skep/model";
import { type CheckFailure, parseAlerts } from "./alerts.ts";

export interface CheckOptions {
  /** `haproxy`, or a path. */
  readonly binary: string;
  /** The file to check, and its name in what the operator reads. */
  readonly path: string;
  readonly shownAs: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Whether HAProxy would load a config; undefined when it would. Not `-q`: that keeps HAProxy from saying what it does
 * not like. A check takes 30 to 80 ms of a CPU.
 */
export function checkConfig(options: CheckOptions): Promise<CheckFailure | undefined> {
  const { binary, path, timeoutMs, signal } = options;
  const limits = { timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 16 * 1024 * 1024, signal } as const;
  return new Promise((resolve, reject) => {
    execFile(binary, ["-c", "-f", path], limits, (error, _, stderr) => {
      if (!error) resolve(undefined);
      else if (signal.aborted || hasCode(error, "ENOENT", "EACCES")) reject(error);
      else if (error.killed) resolve(failure(`HAProxy has not checked the config within ${timeoutMs} ms`));
      else resolve(failureOf(stderr, options));
    });
  });
}

function failureOf(stderr: string, { path, shownAs }: CheckOptions): CheckFailure {
  const alerts = parseAlerts(stderr, path, shownAs);
  return alerts.length > 0 ? { alerts } : failure(stderr.trim() || "HAProxy refuses the config and does not say why");
}

const failure = (message: string): CheckFailure => ({ alerts: [{ message, lines: [] }] });
