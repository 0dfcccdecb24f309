import { fileURLToPath } from "node:url";
import { cgroupOf, type Machine, namespaceOf } from "../../machine.ts";
import { namespaceFolder } from "./observe-network.ts";
import type { Command } from "./plan-network.ts";

/** Marks every process of a node in its environment, from before it has entered any of the node's namespaces. */
export const markerVariable = "SKEP_MACHINE_HOME";

const initScript = fileURLToPath(new URL("./node-init.sh", import.meta.url));

/** Starts the first process of a node, in the node's network namespace and new mount, UTS and PID namespaces. */
export function initCommand(machine: Machine): Command {
  return [
    ...["nsenter", `--net=${namespaceFolder}/${namespaceOf(machine)}`],
    ...["unshare", "--mount", "--uts", "--pid", "--fork"],
    ...["bash", initScript, machine.paths.home, machine.name],
  ];
}

/** Runs `command` inside a node; `init` is the process id of its first process. */
export function enterCommand(init: number, command: Command): Command {
  return ["nsenter", "--target", String(init), "--mount", "--uts", "--net", "--pid", "--", ...command];
}

/** This repository's OCI runtime, which attaches containers to skep's networks. It finds skepd in the node's own /run. */
const skepRuntime = { name: "skep", path: fileURLToPath(new URL("../../../../../bin/skep-runc", import.meta.url)) };

/** dockerd refuses to have runtimes in its flags and in its configuration at once. */
const hasRuntimeFlag = ({ engineOptions }: Machine) => engineOptions.some((option) => /^--add-runtime\b/.test(option));

/** What the engine's configuration of a new node holds. */
export const engineConfig = (machine: Machine): object =>
  hasRuntimeFlag(machine) ? {} : { runtimes: { [skepRuntime.name]: { path: skepRuntime.path } } };

/** Docker's engine with its state in the node's folder, as it sees the paths from inside the node. */
export function engineCommand(machine: Machine): Command {
  return [
    "dockerd",
    ...["--host", "unix:///run/docker.sock", "--pidfile", "/run/docker.pid"],
    ...["--data-root", machine.paths.engineDataRoot, "--exec-root", "/run/docker"],
    ...["--config-file", machine.paths.engineConfig],
    ...["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", `/${cgroupOf(machine)}`],
    ...["--bip", "172.17.0.1/16"],
    ...(hasRuntimeFlag(machine) ? ["--add-runtime", `${skepRuntime.name}=${skepRuntime.path}`] : []),
    ...machine.engineOptions,
  ];
}

export function skepdCommand(machine: Machine & { readonly skepd: string }): Command {
  return [
    machine.skepd,
    ...["--data-root", machine.paths.dataRoot, "--host", "unix:///run/skep/docker.sock"],
    ...["--engine", "/run/docker.sock", "--pidfile", "/run/skepd.pid", "--config", machine.paths.skepdConfig],
  ];
}
