import { setTimeout as delay } from "node:timers/promises";
import type { Part } from "./story/step.ts";
import type { World } from "./world.ts";

export interface Outcome {
  /** What the command printed; empty when it was not needed. */
  readonly output: string;
  /** What is there now, in words. */
  readonly text: string;
  readonly wasThere: boolean;
  readonly seconds: number;
}

/** A part did not come to what it was to be. */
export class PartFailed extends Error {
  override readonly name = "PartFailed";
  /** The end of what the command printed. */
  readonly lines: readonly string[];

  constructor(message: string, output: string) {
    super(message);
    this.lines = output.trimEnd().split("\n").filter(Boolean).slice(-shownLines);
  }
}

const shownLines = 12;
const pollMs = 150;
/** How long what has been made may take to be ready. */
const readyMs = 90_000;
/** How long a check may fail: names, routes and nodes take a moment. */
const patienceMs = 20_000;

export type Say = (text: string) => void;

/** Brings a part about: looks first, does only what is missing, and waits until it is as wanted. */
export async function carryOut(part: Part, world: World, say: Say): Promise<Outcome> {
  const startedMs = performance.now();
  const outcome = part.observe === undefined ? await tell(part, world) : await ensure(part, world, say);
  return { ...outcome, seconds: (performance.now() - startedMs) / 1000 };
}

type Found = Omit<Outcome, "seconds">;

async function ensure(part: Part, world: World, say: Say): Promise<Found> {
  const found = await part.observe?.(world);
  if (found?.state === "there") return { output: "", text: found.text, wasThere: true };
  let output = "";
  if (found?.state === "absent") {
    if (part.apply !== undefined) await part.apply(world, say);
    else output = await run(part, world);
  }
  return { output, text: await untilThere(part, world, say), wasThere: false };
}

async function run({ command }: Part, world: World): Promise<string> {
  const { code, output } = await world.shell(command);
  if (code !== 0) throw new PartFailed(`the command ended with exit code ${code}`, output);
  return output;
}

async function untilThere(part: Part, world: World, say: Say): Promise<string> {
  const deadline = performance.now() + readyMs;
  for (;;) {
    const found = await part.observe?.(world);
    if (found === undefined || found.state === "there") return found?.text ?? "";
    if (performance.now() > deadline) throw await notReady(part, world, found.text);
    say(found.text || part.doing);
    await delay(pollMs, undefined, { signal: world.signal });
  }
}

async function notReady({ explain }: Part, world: World, text: string): Promise<PartFailed> {
  const more = explain === undefined ? "" : (await world.shell(explain)).output;
  return new PartFailed(`not ready after ${readyMs / 1000} s: ${text || "it is not there"}`, more);
}

/** Runs a command that shows something, again for a while when that is not what it should be. */
async function tell(part: Part, world: World): Promise<Found> {
  if (part.apply !== undefined) {
    await part.apply(world, () => {});
    return { output: "", text: part.told?.("", world) ?? "", wasThere: false };
  }
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { code, output } = await world.shell(part.command);
    const wrong =
      part.check?.(output, code) ?? (part.check === undefined && code !== 0 ? `exit code ${code}` : undefined);
    if (wrong === undefined) return { output, text: part.told?.(output, world) ?? "", wasThere: false };
    if (performance.now() > deadline) throw new PartFailed(wrong, output);
    await delay(2 * pollMs, undefined, { signal: world.signal });
    await part.again?.(world);
  }
}
