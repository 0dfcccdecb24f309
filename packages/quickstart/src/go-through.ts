import { Limiter } from "@skep/model";
import type { Narrator } from "./narration/narrator.ts";
import { carryOut, type Outcome, PartFailed, type Say } from "./part.ts";
import type { Part, Step } from "./story/step.ts";
import type { World } from "./world.ts";

/** Where the tour is; told when it ends early. */
export interface Position {
  number: number;
  title: string;
  /** How many parts had to be done, rather than being there already. */
  made: number;
}

const atATime = 2;

/** Goes through the story. Throws what ends it early, having shown which command it was. */
export async function goThrough(
  story: readonly Step[],
  world: World,
  narrator: Narrator,
  position: Position,
): Promise<void> {
  let ahead: Promise<Work[]> | undefined;
  for (const [i, step] of story.entries()) {
    Object.assign(position, { number: i + 1, title: step.title });
    narrator.heading(i + 1, step);
    const works = await (ahead ?? begin(step, world));
    const next = story[i + 1];
    ahead = next?.together && i > 0 ? begin(next, world) : undefined;
    ahead?.catch(() => {}); // told when its turn comes
    for (const { part, job } of works) await show(part, world, narrator, position, job);
  }
}

interface Work {
  readonly part: Part;
  readonly job?: Job;
}

async function begin(step: Step, world: World): Promise<Work[]> {
  const parts = await step.parts(world);
  if (!step.together) return parts.map((part) => ({ part }));
  const limiter = new Limiter(atATime);
  return parts.map((part) => ({ part, job: startJob(part, world, limiter) }));
}

/** A part at work already. */
interface Job {
  readonly outcome: Promise<Outcome>;
  /** Tells `say` from now on where it is. */
  follow(say: Say): void;
}

function startJob(part: Part, world: World, limiter: Limiter): Job {
  let listen: Say = () => {};
  const outcome = limiter.run(() => carryOut(part, world, (text) => listen(text)));
  outcome.catch(() => {}); // told when its turn comes
  return { outcome, follow: (say) => (listen = say) };
}

async function show(part: Part, world: World, narrator: Narrator, position: Position, job?: Job): Promise<void> {
  narrator.command(part);
  try {
    const { output, text, wasThere, seconds } = await attend(part, world, narrator, job);
    if (part.observe !== undefined && !wasThere) position.made++;
    if (part.show !== undefined) narrator.output(part.show(output));
    if (text !== "") narrator.done(text, seconds, wasThere);
  } catch (error) {
    if (!world.signal.aborted) tellFailure(error, narrator);
    throw error;
  }
}

async function attend(part: Part, world: World, narrator: Narrator, job?: Job): Promise<Outcome> {
  using spinner = narrator.working(part.doing);
  const say = (text: string) => spinner.say(text);
  if (job === undefined) return await carryOut(part, world, say);
  job.follow(say);
  return await job.outcome;
}

function tellFailure(error: unknown, narrator: Narrator): void {
  if (error instanceof PartFailed) narrator.failure(error.message, error.lines);
  else narrator.failure((error as Error).message.split("\n")[0] ?? "", (error as Error).message.split("\n").slice(1));
}
