import { DomainError } from "@skep/model";
import type { Io } from "../io.ts";
import type { Outcome } from "../program.ts";

/** What every machine command works with. */
export interface MachineContext {
  readonly io: Io;
  readonly outcome: Outcome;
  /** The folder of all nodes, once the command line is parsed. */
  readonly rootOf: () => string;
}

/** Only root may make namespaces and links; say so before anything is begun. */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) throw new DomainError("forbidden", "this needs root: repeat it with sudo");
}

/** Does `work` for each name at the same time; throws one error with the messages of all that failed. */
export async function forEachName(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(names.map(work));
  const failures = results.filter((result) => result.status === "rejected").map(({ reason }) => reason as Error);
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) {
    throw new DomainError("unavailable", failures.map(({ message }) => message).join("\n"), { cause: failures[0] });
  }
}

/** Runs `work` with a signal that aborts on Ctrl-C or SIGTERM. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once("SIGINT", abort);
  process.once("SIGTERM", abort);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  }
}
