import { DomainError } from "@skep/model";
import { CommanderError } from "commander";
import type { Io } from "./io.ts";
import { buildProgram } from "./program.ts";

export type { Io } from "./io.ts";

/** Runs `skep` with these arguments; resolves with its exit code. Errors are told on stderr, never thrown. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const outcome = { exitCode: 0 };
  try {
    await buildProgram(io, outcome).parseAsync([...argv], { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode; // commander has printed it already
    io.stderr.write(`skep: ${tell(error)}\n`);
    return 1;
  }
}

/** A message meant for the operator as it is; anything else is a bug, and shown with its stack. */
function tell(error: unknown): string {
  if (error instanceof DomainError) return error.message;
  if (error instanceof Error && error.name === "AbortError") return "interrupted; what was begun has been removed";
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code === "EACCES" || code === "EPERM") return `${message}: nodes are made by root; repeat it with sudo`;
  return code === undefined ? (stack ?? String(error)) : message;
}
