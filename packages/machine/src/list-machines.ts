import { daemonPid, daemonsOf, initPid, pidNamespaceOf } from "./drivers/netns/node-processes.ts";
import type { Machine, MachineState } from "./machine.ts";
import { machineNames, readMachine } from "./machine-records.ts";
import { requestOver } from "./unix-http.ts";

/** What `ls` and `inspect` tell of a node. */
export interface MachineReport {
  readonly name: string;
  readonly state: MachineState;
  /** Undefined when its creation was interrupted before it was recorded. */
  readonly machine?: Machine;
  /** Its part in the swarm: `manager`, `worker`, or what Docker calls its state; undefined when it does not answer. */
  readonly role?: string;
}

export async function listMachines(root: string): Promise<MachineReport[]> {
  return Promise.all((await machineNames(root)).map((name) => inspectMachine(root, name)));
}

export async function inspectMachine(root: string, name: string): Promise<MachineReport> {
  const machine = await readMachine(root, name);
  if (machine === undefined) return { name, state: "incomplete" };
  const state = machineState(machine);
  const role = state === "running" ? await swarmRole(machine) : undefined;
  return { name, state, machine, ...(role !== undefined && { role }) };
}

export function machineState(machine: Machine): MachineState {
  const init = initPid(machine);
  if (init === undefined) return "stopped";
  if (pidNamespaceOf(init) === undefined) return "unknown";
  return daemonsOf(machine).every((daemon) => daemonPid(machine, daemon) !== undefined) ? "running" : "degraded";
}

const askMs = 2000;

/** Asks the node itself; undefined when it does not answer within 2 s. */
export async function swarmRole(machine: Machine): Promise<string | undefined> {
  const socket = machine.skepd === undefined ? machine.paths.engineSocket : machine.paths.skepSocket;
  try {
    const { status, body } = await requestOver(socket, "/info", { signal: AbortSignal.timeout(askMs) });
    if (status !== 200) return undefined;
    const { Swarm } = JSON.parse(body) as { Swarm?: { LocalNodeState?: string; ControlAvailable?: boolean } };
    if (Swarm?.LocalNodeState !== "active") return Swarm?.LocalNodeState ?? "inactive";
    return Swarm.ControlAvailable === true ? "manager" : "worker";
  } catch {
    return undefined;
  }
}
