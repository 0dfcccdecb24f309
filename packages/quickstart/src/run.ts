import { systemHost } from "@skep/machine";
import { DomainError } from "@skep/model";
import { CommanderError } from "commander";
import { Interrupted, interruptible } from "./interrupts.ts";
import { takeLock } from "./lock.ts";
import { Narrator } from "./narration/narrator.ts";
import { type Output, paintFor } from "./narration/output.ts";
import { type Options, parseOptions } from "./options.ts";
import { type Places, placesOf } from "./places.ts";
import { endStrays } from "./shell/strays.ts";
import { isQuickstart, takeDown } from "./take-down.ts";
import { tour } from "./tour.ts";

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: NodeJS.ProcessEnv;
}

/** Runs the quickstart; resolves with its exit code. Errors are told, never thrown. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    const options = parseOptions(argv, io.stdout, io.stderr);
    const places = placesOf(io.environment);
    using _ = await takeLock(places.state);
    const narrator = new Narrator(io.stdout, paintFor(io.stdout, io.environment));
    return await interruptible((signal) => act(options, places, narrator, io, signal));
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof Interrupted) return error.exitCode;
    io.stderr.write(`quickstart: ${messageOf(error)}\n`);
    return 1;
  }
}

/** A message meant for the reader as it is; anything else is a bug, and shown with its stack. */
function messageOf(error: unknown): string {
  if (error instanceof DomainError) return error.message;
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return code === undefined ? (stack ?? String(error)) : message;
}

function act(options: Options, places: Places, narrator: Narrator, io: Io, signal: AbortSignal): Promise<number> {
  if (options.does === "down") return down(places, narrator, io, signal);
  return tour({ places, narrator, environment: io.environment, database: options.database, signal });
}

/** Not interruptible half-way through a node: it takes a second or two, and repeating it is harmless. */
async function down(places: Places, narrator: Narrator, { environment }: Io, signal: AbortSignal): Promise<number> {
  if (!isQuickstart(places)) {
    narrator.line("There is no quickstart here: nothing to remove.");
    return 0;
  }
  const left = await removeAll(places, narrator, environment);
  if (left.length > 0) {
    narrator.failure("this could not be removed; npm run quickstart -- down tries again:", left);
    return 1;
  }
  narrator.done("nodes, swarm, containers, images, logs and temporary files are gone", 0, false);
  narrator.line("     What npm run setup has installed stays: Debian packages, and node_modules in this folder.");
  signal.throwIfAborted();
  return 0;
}

async function removeAll(places: Places, narrator: Narrator, environment: NodeJS.ProcessEnv): Promise<string[]> {
  using spinner = narrator.working("nodes are removed");
  await endStrays(places);
  return await takeDown(places, systemHost(environment), (text) => spinner.say(text));
}
