import { isTerminal, type Task } from "@skep/model";
import { type Context, whereabouts } from "./context.ts";
import { type Decision, nothing } from "./decision.ts";
import { conditionAllows, mayRestart, mustRunAgain, restartDelayMs } from "./policy.ts";
import type { Slot } from "./slot.ts";
import type { StopReason } from "./step.ts";

/** What has become of a task that is to run. */
type Fate = "stays" | "ended" | "lost" | "leaving";

function fateOf(task: Task, context: Context): Fate {
  if (task.status.state === "orphaned") return "lost";
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

/** No task of the newest kind is left that could go on. */
function replace(slot: Slot, fates: ReadonlyMap<Task, Fate>, context: Context): Decision {
  const [last, ...others] = [...fates.keys()].filter((task) => fates.get(task) !== "stays");
  if (!last) return nothing;
  const startFirst = context.policy.order === "start-first";
  const spared = (task: Task) =>
    startFirst && fates.get(task) === "leaving" && isRunning(task) && conditionAllows(task);
  const stop = stopAll(
    [last, ...others].filter((task) => !spared(task)),
    fates,
  );
  const outdated = slot.live.filter((task) => fates.get(task) === "stays");
  if (outdated.length > 0 && context.isOutdated(last)) return { stop };
  const allowed = fates.get(last) === "ended" ? restart(last, slot, context) : move(last, slot, spared(last));
  const empties = stop.size === slot.live.length && !allowed.create && allowed.wakeAt === undefined;
  const next: Next = empties && mustRunAgain(slot.tasks, context.service) ? anew : allowed;
  if (next.wakeAt !== undefined) stop.delete(last);
  else for (const task of superseded(outdated, last, next, startFirst && !spared(last))) stop.set(task, "outdated");
  return { ...next, stop };
}

/**
 * Outdated tasks go when another is made, unless they are what works until that one does; if none is made, those that a
 * rollback has left in a slot that is done.
 */
function superseded(outdated: readonly Task[], last: Task, next: Next, work: boolean): readonly Task[] {
  if (next.create) return work ? [] : outdated;
  return outdated.filter(({ createdAt }) => createdAt > last.createdAt);
}

const stopAll = (tasks: readonly Task[], fates: ReadonlyMap<Task, Fate>) =>
  new Map(tasks.map((task): [Task, StopReason] => [task, reasonOf[fates.get(task) ?? "stays"]]));

type Next = Omit<Decision, "stop">;

const anew: Next = { create: { cause: "replica", delayMs: 0 } };

/** What follows a task whose node is lost or drained; beside it if it is spared until the other one runs. */
function move(task: Task, slot: Slot, besides: boolean): Next {
  if (!conditionAllows(task)) return {};
  if (!besides) return anew;
  const givenUp = slot.tasks[0] !== task; // another one was tried and may not be restarted: better the old one than none
  return givenUp ? {} : { create: { cause: "replica", delayMs: 0, besides } };
}

/**
 * What follows a task that ended. If it ended while it still waited for its own start, the next comes no sooner than
 * that start was due: a missing image is tried once per delay.
 */
function restart(ended: Task, slot: Slot, context: Context): Next {
  if (ended.desiredState !== "running" && ended.cause === "restart") {
    const wakeAt = Date.parse(ended.createdAt) + restartDelayMs(ended.spec);
    if (context.now < wakeAt) return { wakeAt };
  }
  if (!mayRestart(ended, slot.tasks)) return {};
  return { create: { cause: "restart", delayMs: restartDelayMs(context.service.spec.TaskTemplate) } };
}
