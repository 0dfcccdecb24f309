import { Command } from "commander";
import type { Output } from "./narration/output.ts";

export interface Options {
  readonly does: "up" | "down";
  readonly database?: string | undefined;
}

/** Reads the command line; throws a CommanderError when there is nothing to be done, having printed why. */
export function parseOptions(argv: readonly string[], stdout: Output, stderr: Output): Options {
  let options: Options = { does: "up" };
  const command = new Command("npm run quickstart --")
    .description(
      "Makes three nodes on this machine and one swarm of them, and runs a service on it, with its database and a reverse " +
        "proxy, telling each step and the command that it takes. What is there already is left as it is, so it may be " +
        "interrupted and repeated. The swarm keeps running when the tour is over.",
    )
    .argument("[down]", "remove the nodes and everything that the quickstart has made")
    .option("--db <image>", "database from a registry instead of the Redis made here: --db mongo:7")
    .addHelpText(
      "after",
      `
Examples:
  npm run quickstart                      the tour; again: checks what is there, and goes on
  npm run quickstart -- --db mongo:7      with MongoDB, where a registry is reachable
  npm run quickstart -- down              removes every trace

The nodes are kept in /var/lib/skep/machines, or in the folder that SKEP_MACHINE_ROOT names.`,
    )
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .action((word: string | undefined, { db }: { db?: string }, self: Command) => {
      if (word !== undefined && word !== "down") self.error(`there is no "${word}": only down (see --help)`);
      if (db !== undefined && !/^[a-z0-9][\w./:@-]*$/.test(db)) self.error(`--db ${db}: not the name of an image`);
      options = { does: word === "down" ? "down" : "up", database: db };
    });
  command.parse([...argv], { from: "user" });
  return options;
}
