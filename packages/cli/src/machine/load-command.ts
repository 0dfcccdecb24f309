import { loadImage, type Machine, openMachine } from "@skep/machine";
import { DomainError } from "@skep/model";
import { Command } from "commander";
import { interruptible, type MachineContext, requireRoot } from "./context.ts";

export function loadCommand({ io, rootOf }: MachineContext): Command {
  return new Command("load")
    .description("Copy an image from one engine to nodes: saved once, loaded by all at the same time")
    .argument("<image>")
    .argument("<node...>")
    .option("--from <node>", "the node that has the image (default: the engine of DOCKER_HOST, or this machine's)")
    .addHelpText("after", "\nExample:\n  skep machine load --from node-1 web:2 node-2 node-3")
    .action(async (image: string, names: string[], flags: { from?: string }) => {
      requireRoot();
      const root = rootOf();
      const machines = await Promise.all(names.map((name) => openMachine(root, name)));
      const from =
        flags.from === undefined
          ? engineAddress(io.environment.DOCKER_HOST)
          : (await openMachine(root, flags.from)).paths.engineSocket;
      let bytes = 0;
      await interruptible((signal) =>
        loadImage({ image, from, to: machines.map(targetOf), signal, onBytes: (total) => (bytes = total) }),
      );
      io.stdout.write(`Loaded ${image} (${(bytes / 1e6).toFixed(1)} MB) on ${names.join(", ")}\n`);
    });
}

const targetOf = ({ name, paths }: Machine) => ({ name, socket: paths.engineSocket });

/** Where DOCKER_HOST points, as a socket's path or host:port; this machine's engine when it is not set. */
export function engineAddress(dockerHost: string | undefined): string {
  if (dockerHost === undefined || dockerHost === "") return "/var/run/docker.sock";
  const [, scheme, address] = /^(unix|tcp|http):\/\/(.+)$/.exec(dockerHost) ?? [];
  if (scheme === undefined || address === undefined) {
    throw new DomainError(
      "invalid-parameter",
      `DOCKER_HOST=${dockerHost}: images are read from unix:// and tcp:// only; name a node with --from`,
    );
  }
  return address;
}
