import { Command } from "commander";
import type { Io } from "../io.ts";
import type { LocalNetworks, SwarmNetworks } from "./answers.ts";
import { askDaemon } from "./ask-daemon.ts";
import { daemonAddress } from "./daemon-address.ts";
import { findNetwork, renderLocal, renderNetworkDetails, renderNetworks } from "./render-status.ts";

const examples = `
Examples:
  skep network status             each network, and how many nodes are behind with it
  skep network status web         the version each node runs, and where each service's connections go
  skep network local              what this node itself has

The daemon is the one DOCKER_HOST points at, else skepd of this node. The state of the swarm is a manager's to tell.`;

/** `skep network`: what the docker CLI cannot show of networks. */
export function networkCommand(io: Io): Command {
  return new Command("network")
    .description("Show how far nodes are with the swarm's networks")
    .addHelpText("after", examples)
    .addCommand(statusCommand(io))
    .addCommand(localCommand(io));
}

function statusCommand({ stdout, environment }: Io): Command {
  return new Command("status")
    .description("Show networks, or one with its nodes and services")
    .argument("[network]")
    .option("--json", "as JSON", false)
    .action(async (name: string | undefined, { json }: { json: boolean }) => {
      const all = await askDaemon<SwarmNetworks>(daemonAddress(environment), "/skep/network/status");
      if (name === undefined) stdout.write(json ? pretty(all) : renderNetworks(all));
      else {
        const network = findNetwork(all, name);
        stdout.write(json ? pretty(network) : renderNetworkDetails(network));
      }
    });
}

function localCommand({ stdout, environment }: Io): Command {
  return new Command("local")
    .description("Show the networks and containers of the daemon's own node")
    .option("--json", "as JSON", false)
    .action(async ({ json }: { json: boolean }) => {
      const local = await askDaemon<LocalNetworks>(daemonAddress(environment), "/skep/network/local");
      stdout.write(json ? pretty(local) : renderLocal(local));
    });
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
