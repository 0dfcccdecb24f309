import { constants } from "node:os";

const heeded = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Somebody wants this to end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** As a shell tells it: 130 for Ctrl-C. */
  readonly exitCode: number;

  constructor(signal: (typeof heeded)[number]) {
    super(signal);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Runs `work` with a signal that aborts on Ctrl-C, SIGTERM or a closed terminal. Once more ends the process in the hard way. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const listeners = heeded.map((name) => [name, () => controller.abort(new Interrupted(name))] as const);
  for (const [name, abort] of listeners) process.once(name, abort);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const [name, abort] of listeners) process.off(name, abort);
  }
}
