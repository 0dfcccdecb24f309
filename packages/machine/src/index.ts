export {
  type CreateMachinesOptions,
  createMachines,
  type MachineOptions,
  type OnStep,
  startNode as startMachine,
} from "./create-machines.ts";
export { killDaemon, startDaemon } from "./drivers/netns/daemons.ts";
export { findLeftovers } from "./drivers/netns/leftovers.ts";
export { setLink } from "./drivers/netns/link.ts";
export { enterCommand } from "./drivers/netns/node-commands.ts";
export { type DaemonName, daemonPid, initPid } from "./drivers/netns/node-processes.ts";
export { findProcesses } from "./drivers/netns/processes.ts";
export { type Host, systemHost } from "./host.ts";
export { inspectMachine, listMachines, type MachineReport, machineState, swarmRole } from "./list-machines.ts";
export { type LoadImageOptions, loadImage } from "./load-image.ts";
export { defaultMachineRoot, type Machine, type MachinePaths, type MachineState } from "./machine.ts";
export { execInMachine, killMachine, stopMachine } from "./machine-lifecycle.ts";
export { openMachine } from "./machine-records.ts";
export { removeMachine } from "./remove-machine.ts";
export { requestOver, untilAnswering } from "./unix-http.ts";
