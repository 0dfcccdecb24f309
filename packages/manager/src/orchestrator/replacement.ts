import { isTerminal, type Task } from "@skep/model";
import { type Context, whereabouts } from "./context.ts";
import { type Decision, nothing } from "./decision.ts";
import { conditionAllows, mayRestart, restartDelayMs } from "./policy.ts";
import type { Slot } from "./slot.ts";
import type { StopReason } from "./step.ts";

/** What has become of a task that is to run. */
type Fate = "stays" | "ended" | "lost" | "leaving";

function fateOf(task: Task, context: Context): Fate {
  if (isTerminal(task.status.state)) return "ended";
  const where = whereabouts(task, context);
  if (where === "drained") return "leaving";
  return where === "unassigned" || where === "reachable" ? "stays" : "lost";
}

const reasonOf: Record<Fate, StopReason> = {
  ended: "ended",
  lost: "node-lost",
  leaving: "node-drained",
  stays: "surplus",
};

/**
 * Decides what follows a task that ended, whose node is lost or drained, or that has handed its slot over: another one
 * as the restart policy says (`swarm-api.md` sections 14 and 18). Where Docker waits for the restart delay on the loss
 * of a node too, and stops first on a drain in any case, we replace at once, and honour `start-first`.
 */
export function decideReplacement(slot: Slot, context: Context): Decision {
  const [only, second] = slot.live;
  if (!only) return nothing;
  if (!second && fateOf(only, context) === "stays") return nothing;
  const fates = new Map(slot.live.map((task) => [task, fateOf(task, context)]));
  const heir = heirOf(slot.live.filter((task) => fates.get(task) === "stays" && !context.isOutdated(task)));
  return heir ? handOver(heir, fates, context) : replace(slot, fates, context);
}

/** Of several tasks that could have the slot to themselves, the one that is furthest. */
const heirOf = (tasks: readonly Task[]): Task | undefined =>
  tasks.find(isRunning) ?? tasks.find(({ desiredState }) => desiredState === "running") ?? tasks[0];

const isRunning = ({ status }: Task) => status.state === "running";

/** A task of the newest kind is there: the others end, with `start-first` not before it runs. */
function handOver(heir: Task, fates: ReadonlyMap<Task, Fate>, context: Context): Decision {
  const patient = context.policy.order === "start-first" && !isRunning(heir);
  const stop = new Map<Task, StopReason>();
  for (const [task, fate] of fates) {
    if (task === heir) continue;
    const outdated = context.isOutdated(task);
    const mayWork = fate === "leaving" || (fate === "stays" && outdated);
    if (!mayWork || !patient) stop.set(task, fate === "stays" && outdated ? "outdated" : reasonOf[fate]);
  }
  return { stop };
}

function replace(slot: Slot, fates: ReadonlyMap<Task, Fate>, context: Context): Decision {
  const going = [...fates].filter(([, fate]) => fate !== "stays");
  const [newest] = going;
  if (!newest) return nothing;
  const [last, fate] = newest;
  const startFirst = context.policy.order === "start-first" && fate !== "lost";
  const spared = (task: Task, its: Fate) => startFirst && its === "leaving" && task.status.state === "running";
  const stop = new Map(going.filter(([task, its]) => !spared(task, its)).map(([task, its]) => [task, reasonOf[its]]));
  const served = [...fates.values()].includes("stays") && context.isOutdated(last);
  if (served) return { stop };
  if (fate === "ended") return restart(last, slot, stop, context);
  if (!conditionAllows(last)) return { stop: new Map(stop).set(last, reasonOf[fate]) };
  if (stop.has(last)) return { stop, create: { cause: "replica", delayMs: 0 } };
  const givenUp = slot.tasks[0] !== last; // a replacement was tried and may not be restarted: better the old one than none
  return givenUp ? { stop } : { stop, create: { cause: "replica", delayMs: 0, besides: true } };
}

/**
 * A replacement that ends while it still waits for its own start is followed by the next no sooner than that start
 * was due: a missing image is tried once per delay.
 */
function restart(ended: Task, slot: Slot, stop: Map<Task, StopReason>, context: Context): Decision {
  const delayMs = restartDelayMs(ended);
  if (ended.desiredState !== "running" && ended.cause === "restart") {
    const wakeAt = Date.parse(ended.createdAt) + delayMs;
    if (context.now < wakeAt) {
      stop.delete(ended);
      return { stop, wakeAt };
    }
  }
  if (!mayRestart(ended, slot.tasks)) return { stop };
  return { stop, create: { cause: "restart", delayMs } };
}
