import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, DomainError, systemClock, timestamp } from "@skep/model";
import { startDaemon, startInit } from "./drivers/netns/daemons.ts";
import { openEgress } from "./drivers/netns/egress.ts";
import { daemonPid, daemonsOf, initPid, killProcesses } from "./drivers/netns/node-processes.ts";
import { applyCommands, observeNetwork } from "./drivers/netns/observe-network.ts";
import { planBridge, planNode } from "./drivers/netns/plan-network.ts";
import { type Host, requirePrograms } from "./host.ts";
import { withMachineLock } from "./lock.ts";
import { checkMachineName, type Machine, machinePaths, prefixOf } from "./machine.ts";
import { machineNames, readMachine, readPool, saveMachine, savePool } from "./machine-records.ts";
import { answeringNameservers, hostNameservers } from "./nameservers.ts";
import { removeMachine, removePoolIfEmpty } from "./remove-machine.ts";
import {
  addressIn,
  allocateIndices,
  chooseSubnet,
  defaultSubnet,
  freeSubnetCandidates,
  overlaps,
  parseSubnet,
  subnetsOfRoutes,
} from "./subnet.ts";

/**
 * `none`, like an empty list, has each node ask itself, where nothing listens on port 53: every query is refused at
 * once. (An address of the bridge would do so once a second only: the kernel limits how often it says no to another host.)
 */
export type Nameservers = readonly string[] | "none";

/** What is being done to a node, in the order it happens; shown to the operator. */
export type OnStep = (name: string, step: string) => void;

export interface MachineOptions {
  /** The folder of all machines. */
  readonly root: string;
  readonly host: Host;
  readonly signal?: AbortSignal;
  readonly onStep?: OnStep;
}

export interface CreateMachinesOptions extends MachineOptions {
  /**
   * In CIDR notation; `free` for any in 10.77.0.0/16 that this machine has no route to. By default 192.168.99.0/24, or a
   * free one when that is in use. The first creation in a root decides.
   */
  readonly subnet?: string;
  /** Nameservers of the new nodes; by default those of this machine that answer. */
  readonly nameservers?: Nameservers;
  /** Flags for dockerd, with or without their leading `--`. */
  readonly engineOptions?: readonly string[];
  /** The command that starts skepd; this repository's by default, `false` for none. */
  readonly skepd?: string | false;
  readonly clock?: Clock;
}

const neededPrograms = ["ip", "nft", "nsenter", "unshare", "flock", "bash", "dockerd", "containerd", "runc"];

const ownSkepd = fileURLToPath(new URL("../../../bin/skepd", import.meta.url));

/**
 * Makes nodes, all at the same time; resolves when each has its engine and its skepd answering. A node that fails is
 * removed again, the others stay; the error names the ones that failed.
 */
export async function createMachines(names: readonly string[], options: CreateMachinesOptions): Promise<Machine[]> {
  checkNames(names, options.root);
  requirePrograms(options.host, neededPrograms);
  const nameservers = options.nameservers ?? (await answeringNameservers(await hostNameservers()));
  const machines = await withMachineLock(() => recordOrUndo(names, nameservers, options), options.signal);
  const results = await Promise.allSettled(machines.map((machine) => bringUp(machine, options)));
  const failures = results.filter((result) => result.status === "rejected").map(({ reason }) => reason as Error);
  options.signal?.throwIfAborted();
  if (failures.length > 0) {
    throw new DomainError("unavailable", failures.map(({ message }) => message).join("\n"), { cause: failures[0] });
  }
  return machines;
}

function checkNames(names: readonly string[], root: string): void {
  for (const name of names) checkMachineName(root, name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new DomainError("invalid-parameter", `node name ${twice} is given twice`);
}

async function recordOrUndo(
  names: readonly string[],
  nameservers: Nameservers,
  options: CreateMachinesOptions,
): Promise<Machine[]> {
  try {
    return await recordMachines(names, nameservers, options);
  } catch (error) {
    await removePoolIfEmpty(options.host, resolve(options.root));
    throw error;
  }
}

/** Reserves names and addresses, and makes the bridge: quick, and under the lock. */
async function recordMachines(
  names: readonly string[],
  nameservers: Nameservers,
  options: CreateMachinesOptions,
): Promise<Machine[]> {
  const root = resolve(options.root);
  const existing = await machineNames(root);
  const taken = names.find((name) => existing.includes(name));
  if (taken !== undefined) {
    throw new DomainError(
      "conflict",
      `a node named ${taken} exists already: choose another name, or remove it with: skep machine rm -f ${taken}`,
    );
  }
  const subnet = await ensurePool(root, options);
  const network = parseSubnet(subnet);
  const records = await Promise.all(existing.map((name) => readMachine(root, name)));
  const indices = allocateIndices(network, new Set(records.flatMap((machine) => machine?.index ?? [])), names.length);
  const createdAt = timestamp((options.clock ?? systemClock).now());
  const machines = names.map((name, i): Machine => {
    const index = indices[i] ?? 0;
    const skepd = options.skepd ?? ownSkepd;
    return {
      ...{ name, driver: "netns", root, prefix: prefixOf(root), subnet, index, address: addressIn(network, index) },
      nameservers: nameservers === "none" || nameservers.length === 0 ? [addressIn(network, index)] : nameservers,
      ...{ engineOptions: (options.engineOptions ?? []).map(asFlag), createdAt },
      ...(skepd !== false && { skepd: resolve(skepd) }),
      paths: machinePaths(root, name),
    };
  });
  for (const machine of machines) await saveMachine(machine);
  return machines;
}

const asFlag = (option: string) => (option.startsWith("-") ? option : `--${option}`);

/** The root's subnet, decided by the first node created in it, with its bridge and its way out. */
async function ensurePool(root: string, options: CreateMachinesOptions): Promise<string> {
  const { host, signal } = options;
  const recorded = await readPool(root);
  if (
    recorded !== undefined &&
    options.subnet !== undefined &&
    options.subnet !== "free" &&
    options.subnet !== recorded.subnet
  ) {
    throw new DomainError(
      "conflict",
      `the nodes of ${root} are in subnet ${recorded.subnet}: remove them first, or use another --root for ${options.subnet}`,
    );
  }
  const subnet = recorded?.subnet ?? (await decideSubnet(host, options.subnet));
  await savePool(root, { subnet });
  await ensureBridge(host, prefixOf(root), subnet, signal);
  return subnet;
}

async function decideSubnet(host: Host, wanted: string | undefined): Promise<string> {
  const used = subnetsOfRoutes(await host.run(["ip", "-j", "-4", "route", "show", "table", "all"]));
  if (wanted === undefined) return chooseSubnet([defaultSubnet, ...freeSubnetCandidates], used);
  if (wanted === "free") return chooseSubnet(freeSubnetCandidates, used);
  const subnet = parseSubnet(wanted);
  if (used.some((other) => overlaps(subnet, other))) {
    throw new DomainError(
      "conflict",
      `subnet ${wanted} overlaps a network this machine has a route to: choose another one with --subnet`,
    );
  }
  return wanted;
}

async function ensureBridge(host: Host, prefix: string, subnet: string, signal?: AbortSignal): Promise<void> {
  await applyCommands(host, planBridge(prefix, subnet, await observeNetwork(host)), signal);
  await openEgress(host, prefix, subnet);
}

async function bringUp(machine: Machine, options: CreateMachinesOptions): Promise<void> {
  try {
    await startNode(machine, options);
  } catch (error) {
    await removeMachine(machine.root, machine.name, { host: options.host, force: true });
    throw error;
  }
}

/** Makes and starts what a recorded node lacks, and nothing else; also after a stop, a kill or a reboot. */
export async function startNode(machine: Machine, options: MachineOptions): Promise<void> {
  const { host, signal } = options;
  const step = (text: string) => options.onStep?.(machine.name, text);
  step(`network ${machine.address}`);
  await withMachineLock(async () => {
    await ensureBridge(host, machine.prefix, machine.subnet, signal);
    await applyCommands(host, planNode(machine, await observeNetwork(host)), signal);
  }, signal);
  if (initPid(machine) === undefined) {
    step("namespaces");
    await killProcesses(machine);
    await startInit(host, machine, signal);
  }
  await startDaemons(machine, options, step);
  step("running");
}

/**
 * All at the same time: before an engine answers it starts the containers that are to be restarted always, and those on
 * skep's networks wait for skepd.
 */
async function startDaemons(machine: Machine, options: MachineOptions, step: (text: string) => void): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...(options.signal ? [options.signal] : [])]);
  const starting = daemonsOf(machine)
    .filter((daemon) => daemonPid(machine, daemon) === undefined)
    .map(async (daemon) => {
      step(daemon);
      await startDaemon(options.host, machine, daemon, signal);
    });
  try {
    await Promise.all(starting);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(starting); // what has been started is there for the one who tidies up
    throw error;
  }
}
