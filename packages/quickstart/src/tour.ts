import { CommandLog } from "./command-log.ts";
import { goThrough, type Position } from "./go-through.ts";
import { Interrupted } from "./interrupts.ts";
import { ending, opening } from "./narration/frame.ts";
import type { Narrator } from "./narration/narrator.ts";
import type { Places } from "./places.ts";
import { prepare } from "./preparation.ts";
import { endStrays } from "./shell/strays.ts";
import { story } from "./story/story.ts";
import { isQuickstart } from "./take-down.ts";
import { World } from "./world.ts";

export interface TourOptions {
  readonly places: Places;
  readonly narrator: Narrator;
  readonly environment: NodeJS.ProcessEnv;
  readonly database: string | undefined;
  readonly signal: AbortSignal;
}

/** The whole tour; resolves with the exit code. What ends it early leaves what is there, and says how to go on. */
export async function tour(options: TourOptions): Promise<number> {
  const { places, narrator, environment, database } = options;
  const startedMs = performance.now();
  const isAgain = isQuickstart(places);
  await prepare(places);
  narrator.opening(opening.title, isAgain ? opening.again : opening.first);
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const world = new World({ places, environment, log: new CommandLog(places.log), signal });
  const position: Position = { number: 0, title: "", made: 0 };
  try {
    await goThrough(story({ database }), world, narrator, position);
  } catch (error) {
    failed.abort(error);
    await endStrays(places); // what worked beside it
    return endEarly(options, position, error);
  }
  ending(narrator, world, position.made, (performance.now() - startedMs) / 1000);
  return 0;
}

/** Says where it ended, what stands, and how to go on. */
function endEarly({ narrator, places, signal }: TourOptions, position: Position, error: unknown): number {
  const interrupted = signal.aborted && signal.reason instanceof Interrupted ? signal.reason : undefined;
  narrator.line();
  narrator.line(
    `  ${interrupted ? "Interrupted" : "It stopped"} at step ${position.number}, ${position.title}. What was made before stands as it is.`,
  );
  narrator.choices("How to go on", [
    ["npm run quickstart", "goes on where it is"],
    [`tail -n 40 ${places.log}`, "the last commands, and all that they printed"],
    ["npm run quickstart -- down", "removes every trace"],
  ]);
  narrator.line();
  if (interrupted) return interrupted.exitCode;
  if (error instanceof TypeError || error instanceof ReferenceError) throw error; // a bug
  return 1;
}
