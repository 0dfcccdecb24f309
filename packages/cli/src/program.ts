import { Command } from "commander";
import { doctorCommand } from "./doctor/doctor-command.ts";
import { engineCommand } from "./engine/engine-command.ts";
import type { Io } from "./io.ts";
import { machineCommand } from "./machine/machine-command.ts";
import { networkCommand } from "./network/network-command.ts";

/** What a command leaves behind for the process: an exit code other than 0 without an error of its own. */
export interface Outcome {
  exitCode: number;
}

/** The `skep` command line. Nothing runs before it is parsed. */
export function buildProgram(io: Io, outcome: Outcome): Command {
  const program = new Command("skep")
    .description("skep: a cluster driven by the docker CLI. This command does what the docker CLI has no words for.")
    .addHelpText(
      "after",
      `
Examples:
  skep machine create node-1 node-2 node-3     three nodes on this machine
  eval "$(skep machine env node-1)"            point the docker CLI at the first
  docker swarm init                            and use it as any Docker Swarm

Run "skep COMMAND --help" for more on a command.`,
    );
  program.enablePositionalOptions();
  const commands = [
    machineCommand(io, outcome),
    engineCommand(io, outcome),
    networkCommand(io),
    doctorCommand(io, outcome),
  ];
  for (const command of commands) program.addCommand(command);
  configure(program, io);
  return program;
}

function configure(command: Command, io: Io): void {
  command
    .exitOverride()
    .showHelpAfterError(`Run "${pathOf(command)} --help" for what it takes.`)
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .helpCommand(false);
  for (const child of command.commands) configure(child, io);
}

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
