import { defaultMachineRoot } from "@skep/machine";
import { Command, Option } from "commander";
import type { Io } from "../io.ts";
import type { Outcome } from "../program.ts";
import { accessCommands } from "./access-commands.ts";
import { lifecycleCommands } from "./lifecycle-commands.ts";
import { loadCommand } from "./load-command.ts";
import { viewCommands } from "./view-commands.ts";

const examples = `
Examples:
  skep machine create node-1 node-2 node-3          three nodes, made at the same time
  skep machine ls                                   which there are, and their part in the swarm
  eval "$(skep machine env node-1)"                 the docker CLI now talks to node-1
  eval "$(skep machine env --unset)"                and no longer
  skep machine load nginx:1.27 node-1 node-2        give nodes an image that this machine's engine has
  skep machine exec node-2 -- ip address            run a command inside a node
  skep machine kill node-3; skep machine start node-3      pull the plug, and switch on again
  skep machine rm -f node-1 node-2 node-3           remove them with all they have

A node is a network namespace of this machine with a private /run, host name and process tree, and its own dockerd and
skepd. Nodes reach each other and this machine by their addresses; what they send further out leaves with this machine's
address. That needs forwarding (net.ipv4.ip_forward) and an nftables table, skep_machine; where iptables drops forwarded
packets (a Docker on this machine sees to that), two rules in DOCKER-USER as well. All go with the last node.`;

/** `skep machine`: what docker-machine was, for nodes on this machine. */
export function machineCommand(io: Io, outcome: Outcome): Command {
  const command = new Command("machine")
    .description("Make and manage nodes on this machine (as root)")
    .enablePositionalOptions();
  command.addOption(
    new Option("--root <folder>", "where the nodes are kept").env("SKEP_MACHINE_ROOT").default(defaultMachineRoot),
  );
  command.addHelpText("after", examples);
  const rootOf = () => command.opts<{ root: string }>().root;
  const context = { io, outcome, rootOf };
  for (const child of [
    ...lifecycleCommands(context),
    ...viewCommands(context),
    ...accessCommands(context),
    loadCommand(context),
  ]) {
    command.addCommand(child);
  }
  return command;
}
