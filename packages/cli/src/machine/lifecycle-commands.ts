import { isIPv4 } from "node:net";
import {
  createMachines,
  killMachine,
  openMachine,
  removeMachine,
  startMachine,
  stopMachine,
  systemHost,
} from "@skep/machine";
import { DomainError, systemClock } from "@skep/model";
import { Command } from "commander";
import { showProgress } from "../progress.ts";
import { forEachName, interruptible, type MachineContext, requireRoot } from "./context.ts";

const collect = (value: string, all: readonly string[] = []) => [...all, value];

export const lifecycleCommands = (context: MachineContext): Command[] => [
  createCommand(context),
  startCommand(context),
  stopCommand(context),
  killCommand(context),
  removeCommand(context),
];

interface CreateFlags {
  readonly subnet?: string;
  readonly dns?: readonly string[];
  readonly engineOpt?: readonly string[];
}

function createCommand({ io, rootOf }: MachineContext): Command {
  return new Command("create")
    .description("Create nodes, several at the same time; done when each one's engine and skepd answer")
    .argument("<name...>", "names of the nodes; each becomes its node's host name")
    .option(
      "--subnet <cidr>",
      "network of the nodes; the first one created decides (default: 192.168.99.0/24, or a free one)",
    )
    .option(
      "--dns <address>",
      "nameserver of the nodes, repeatable, or none (default: this machine's own, if they answer)",
      collect,
    )
    .option("--engine-opt <flag>", "flag for dockerd, repeatable: --engine-opt registry-mirror=https://…", collect)
    .addHelpText(
      "after",
      `
Examples:
  skep machine create node-1 node-2 node-3
  skep machine create --engine-opt insecure-registry=192.168.99.1:5000 node-1
  skep machine create --dns none node-1     for a machine without a network: look-ups are refused at once`,
    )
    .action(async (names: string[], flags: CreateFlags) => {
      requireRoot();
      const isNone = flags.dns?.length === 1 && flags.dns[0] === "none";
      const wrong = isNone ? undefined : flags.dns?.find((address) => !isIPv4(address));
      if (wrong !== undefined)
        throw new DomainError("invalid-parameter", `--dns ${wrong}: not an IPv4 address, nor none`);
      const progress = showProgress(io.stderr, names, systemClock);
      await interruptible((signal) =>
        createMachines(names, {
          root: rootOf(),
          host: systemHost(io.environment),
          signal,
          onStep: progress.step,
          ...(flags.subnet !== undefined && { subnet: flags.subnet }),
          ...(flags.dns !== undefined && { nameservers: isNone ? "none" : flags.dns }),
          ...(flags.engineOpt !== undefined && { engineOptions: flags.engineOpt }),
        }),
      );
      io.stdout.write(`Point the docker CLI at a node with: eval "$(skep machine env ${names[0]})"\n`);
    });
}

function startCommand({ io, rootOf }: MachineContext): Command {
  return new Command("start")
    .description("Start nodes that were stopped or killed, or the daemons that running ones lack")
    .argument("<name...>")
    .action(async (names: string[]) => {
      requireRoot();
      const root = rootOf();
      const machines = await Promise.all(names.map((name) => openMachine(root, name)));
      const progress = showProgress(io.stderr, names, systemClock);
      const host = systemHost(io.environment);
      await interruptible((signal) =>
        forEachName(names, async (name) => {
          const machine = machines.find((each) => each.name === name);
          if (machine !== undefined) await startMachine(machine, { root, host, signal, onStep: progress.step });
        }),
      );
    });
}

function stopCommand({ io, rootOf }: MachineContext): Command {
  return new Command("stop")
    .description("Shut nodes down: skepd, then the engine with its containers")
    .argument("<name...>")
    .action(async (names: string[]) => {
      requireRoot();
      await forEachName(names, async (name) => {
        await stopMachine(await openMachine(rootOf(), name));
        io.stdout.write(`${name}\n`);
      });
    });
}

function killCommand({ io, rootOf }: MachineContext): Command {
  return new Command("kill")
    .description("End every process of nodes at once, as pulling the plug would")
    .argument("<name...>")
    .action(async (names: string[]) => {
      requireRoot();
      await forEachName(names, async (name) => {
        await killMachine(await openMachine(rootOf(), name));
        io.stdout.write(`${name}\n`);
      });
    });
}

function removeCommand({ io, rootOf }: MachineContext): Command {
  return new Command("rm")
    .description("Remove nodes and everything they have; with the last one also the bridge")
    .argument("<name...>")
    .option("-f, --force", "also running nodes, and whatever an interrupted command left of one", false)
    .action(async (names: string[], { force }: { force: boolean }) => {
      requireRoot();
      const host = systemHost(io.environment);
      await forEachName(names, async (name) => {
        await removeMachine(rootOf(), name, { host, force });
        io.stdout.write(`${name}\n`);
      });
    });
}
