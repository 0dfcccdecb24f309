import { spawn } from "node:child_process";
import { constants } from "node:os";
import { DomainError } from "@skep/model";
import { enterCommand, markerVariable } from "./drivers/netns/node-commands.ts";
import { daemonPid, initPid, killProcesses, sendSignal, untilEnded } from "./drivers/netns/node-processes.ts";
import type { Machine } from "./machine.ts";

const skepdStopMs = 10_000;
/** dockerd gives its containers 10 s, and itself 5 more. */
const engineStopMs = 20_000;

/** Stops a node as a machine is shut down: skepd, then the engine with its containers, then what is left. */
export async function stopMachine(machine: Machine): Promise<void> {
  await terminate(daemonPid(machine, "skepd"), skepdStopMs);
  await terminate(daemonPid(machine, "engine"), engineStopMs);
  await killProcesses(machine);
}

async function terminate(pid: number | undefined, timeoutMs: number): Promise<void> {
  if (pid !== undefined && sendSignal(pid, "SIGTERM")) await untilEnded(pid, timeoutMs);
}

/** Ends every process of a node at once, as pulling its plug would. */
export async function killMachine(machine: Machine): Promise<void> {
  await killProcesses(machine);
}

/**
 * Runs a command inside a node with this process's standard streams, its terminal included; resolves with the exit
 * code, 128 + n when signal n ended it.
 */
export async function execInMachine(
  machine: Machine,
  command: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const init = initPid(machine);
  if (init === undefined) {
    throw new DomainError(
      "conflict",
      `node ${machine.name} is stopped: start it with: skep machine start ${machine.name}`,
    );
  }
  const [file = "", ...args] = enterCommand(init, command);
  const env = { ...environment, [markerVariable]: machine.paths.home };
  const child = spawn(file, args, { stdio: "inherit", env });
  const ignore = () => {}; // the terminal sends Ctrl-C to the command as well; it decides
  process.on("SIGINT", ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}
