import { inspectMachine, listMachines, type MachineReport, openMachine } from "@skep/machine";
import { Command } from "commander";
import { renderTable } from "../table.ts";
import type { MachineContext } from "./context.ts";

export const viewCommands = (context: MachineContext): Command[] => [
  listCommand(context),
  ipCommand(context),
  inspectCommand(context),
];

const dockerHost = ({ machine }: MachineReport) =>
  machine === undefined
    ? ""
    : `unix://${machine.skepd === undefined ? machine.paths.engineSocket : machine.paths.skepSocket}`;

function listCommand({ io, rootOf }: MachineContext): Command {
  return new Command("ls")
    .description("List nodes")
    .option("-q, --quiet", "names only", false)
    .action(async ({ quiet }: { quiet: boolean }) => {
      const reports = await listMachines(rootOf());
      if (quiet) io.stdout.write(reports.map(({ name }) => `${name}\n`).join(""));
      else io.stdout.write(renderMachines(reports));
    });
}

/** The table of `skep machine ls`. */
export function renderMachines(reports: readonly MachineReport[]): string {
  return renderTable(
    ["NAME", "DRIVER", "STATE", "ADDRESS", "DOCKER HOST", "SWARM"],
    reports.map((report) => [
      report.name,
      report.machine?.driver ?? "",
      report.state,
      report.machine?.address ?? "",
      dockerHost(report),
      report.role ?? "",
    ]),
  );
}

function ipCommand({ io, rootOf }: MachineContext): Command {
  return new Command("ip")
    .description("Print the addresses of nodes")
    .argument("<name...>")
    .action(async (names: string[]) => {
      for (const name of names) io.stdout.write(`${(await openMachine(rootOf(), name)).address}\n`);
    });
}

function inspectCommand({ io, rootOf }: MachineContext): Command {
  return new Command("inspect")
    .description("Print all that is known of nodes, as JSON")
    .argument("<name...>")
    .action(async (names: string[]) => {
      const reports = [];
      for (const name of names) {
        const machine = await openMachine(rootOf(), name);
        const report = await inspectMachine(rootOf(), name);
        reports.push({ ...machine, state: report.state, role: report.role ?? null, dockerHost: dockerHost(report) });
      }
      io.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
    });
}
