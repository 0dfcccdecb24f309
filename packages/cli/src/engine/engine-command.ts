import { DomainError } from "@skep/model";
import { defaultRuntimeSocket, runtimeName, runtimeProblem, wrapperPath } from "@skep/runtime";
import { Command } from "commander";
import type { Io } from "../io.ts";
import { requireRoot } from "../machine/context.ts";
import type { Outcome } from "../program.ts";
import { renderTable } from "../table.ts";
import type { RuntimeEntry } from "./daemon-json.ts";
import { defaultConfigFile } from "./dockerd.ts";
import { type EngineTarget, install, observe, type Registration, remove } from "./registration.ts";

const examples = `
Examples:
  skep engine install      containers of this machine's Docker Engine can be on skep's networks
  skep engine status       whether they can
  skep engine remove       the engine is as it was before

Containers on overlay networks run under an OCI runtime named ${runtimeName}: runc, which waits for skepd to attach the networks
before a container's first instruction. It is registered in the engine's daemon.json, of which nothing else changes, and
dockerd reads that again (SIGHUP): no container is restarted. Other containers go on under their own runtime.
Nodes made by "skep machine" have it from the beginning.`;

/** `skep engine`: what skep needs of a Docker Engine that was there before it. */
export function engineCommand(io: Io, outcome: Outcome): Command {
  const command = new Command("engine")
    .description("Prepare this machine's Docker Engine for skep's networks (as root)")
    .addHelpText("after", examples);
  for (const child of [installCommand(io), removeCommand(io), statusCommand(io, outcome)]) command.addCommand(child);
  return command;
}

interface TargetFlags extends EngineTarget {
  readonly runtimeSocket?: string;
}

const onEngine = (name: string) =>
  new Command(name)
    .option(
      "--config-file <file>",
      `the engine's configuration (default: what dockerd was started with, or ${defaultConfigFile})`,
    )
    .option("--socket <path>", "the engine's socket", "/var/run/docker.sock")
    .option("--pidfile <file>", "the file with dockerd's process id", "/var/run/docker.pid");

function installCommand(io: Io): Command {
  return onEngine("install")
    .description("Register skep's OCI runtime with the engine; repeat it after skep has moved")
    .option("--runtime-socket <path>", "where skepd waits for starting containers", defaultRuntimeSocket)
    .action(async (flags: TargetFlags) => {
      requireRoot();
      io.stdout.write(await install(flags, runtimeEntry(flags.runtimeSocket ?? defaultRuntimeSocket)));
    });
}

/** dockerd hands the arguments over through a shell, and quotes nothing. */
export function runtimeEntry(socket: string, path = wrapperPath): RuntimeEntry {
  const odd = [socket, path].find((text) => !/^\/[\w@%+=:,./-]+$/.test(text));
  if (odd !== undefined) {
    throw new DomainError(
      "invalid-parameter",
      `the path "${odd}" cannot be given to dockerd: it must be absolute, of letters, digits and @%+=:,./_-`,
    );
  }
  return { path, ...(socket !== defaultRuntimeSocket && { runtimeArgs: [`--skep-socket=${socket}`] }) };
}

function removeCommand(io: Io): Command {
  return onEngine("remove")
    .description("Take the runtime out of the engine again; refused while containers need it")
    .action(async (flags: TargetFlags) => {
      requireRoot();
      io.stdout.write(await remove(flags));
    });
}

function statusCommand(io: Io, outcome: Outcome): Command {
  return onEngine("status")
    .description("Tell whether the engine has the runtime; exits with 1 when it has not")
    .action(async (flags: TargetFlags) => {
      const found = await observe(flags);
      io.stdout.write(renderStatus(found));
      if (found.running === undefined || runtimeProblem(found.running.info) !== undefined) outcome.exitCode = 1;
    });
}

/** The table of `skep engine status`. */
export function renderStatus({ target, config, running, flags }: Registration): string {
  const entry = running?.info.Runtimes?.[runtimeName];
  const loaded =
    entry === undefined ? "not there: skep engine install" : [entry.path, ...(entry.runtimeArgs ?? [])].join(" ");
  const isByFlag = flags.some((flag) => flag.startsWith(`${runtimeName}=`));
  const registered = config.runtimes[runtimeName] === undefined ? "no" : "yes";
  return renderTable(
    [
      "ENGINE",
      running === undefined
        ? "does not run"
        : `${running.info.ServerVersion} on ${target.socket}, process ${running.dockerd.pid}`,
    ],
    [
      ["RUNTIME", running === undefined ? "unknown" : loaded],
      ["REGISTERED", isByFlag ? "by dockerd's flag --add-runtime" : `${registered} (${config.file})`],
    ],
  );
}
