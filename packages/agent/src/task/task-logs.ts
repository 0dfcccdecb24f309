import { isTerminal, type LogOptions } from "@skep/model";
import type { ContainerState } from "./container-state.ts";
import { orAborted } from "./or-aborted.ts";
import type { TaskRunner } from "./task-runner.ts";

/**
 * The container whose output is asked for. With `follow` waits until it has been started; undefined when the task has
 * none and (with `follow`) never will.
 */
export async function containerForLogs(
  runner: TaskRunner,
  follow: boolean,
  signal: AbortSignal,
): Promise<ContainerState | undefined> {
  for (;;) {
    const { container, status } = runner;
    if (container && (!follow || container.phase !== "created")) return container;
    if (runner.observed && (!follow || runner.ended || isTerminal(status.state))) return container;
    await orAborted(runner.nextChange(), signal);
  }
}

/** As the query of the engine's `GET /containers/{id}/logs`. */
export function logQuery(options: LogOptions): Record<string, string> {
  const { stdout, stderr, follow, timestamps, details, since, until, tail } = options;
  const flags = Object.entries({ stdout, stderr, follow, timestamps, details }).filter(([, set]) => set);
  return {
    ...Object.fromEntries(flags.map(([name]) => [name, "1"])),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(tail !== undefined && { tail }),
  };
}
