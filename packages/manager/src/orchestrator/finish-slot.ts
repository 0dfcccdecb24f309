import { isTerminal, type Task } from "@skep/model";
import { type Context, isOver, isStopping, whereabouts } from "./context.ts";
import type { Decision } from "./decision.ts";
import { earlier, type SlotPlan } from "./plan.ts";
import { restartDelayMs } from "./policy.ts";
import { isLive, type Slot } from "./slot.ts";
import type { CreateStep, TaskStep } from "./step.ts";

/** A replacement waits this long for its predecessor to stop, then it starts regardless (swarmkit's task time-out). */
const predecessorTimeoutMs = 60_000;

/** The steps that carry out `decision`, those that start what has waited long enough, and those that prune the history. */
export function finishSlot(slot: Slot, decision: Decision, context: Context): SlotPlan {
  const ending = slot.tasks.map((task) => (decision.stop.has(task) ? unwanted(task) : task));
  const blocked = ending.some((task) => isStopping(task, context));
  const staying = slot.live.filter((task) => !decision.stop.has(task));
  const created = decision.create && createStep(slot, decision.create, blocked);
  const starts = staying.map((task) => planStart(task, blocked, context));
  const forgotten = new Set(excess(slot, ending, created ? 1 : 0, context));
  const orphaned = slot.tasks.filter((task, i) => !forgotten.has(task) && isSilent(ending[i] ?? task, context));
  const steps: TaskStep[] = [
    ...(created ? [created] : []),
    ...starts.flatMap(({ step }) => (step ? [step] : [])),
    ...[...decision.stop]
      .filter(([task]) => !forgotten.has(task) && !orphaned.includes(task))
      .map(([task, reason]): TaskStep => ({ do: "shutdown", task, reason })),
    ...orphaned.map((task): TaskStep => ({ do: "orphan", task })),
    ...[...forgotten].map((task): TaskStep => ({ do: "delete", task })),
  ];
  const wakeAt = starts.reduce((first, start) => earlier(first, start.wakeAt), decision.wakeAt);
  return { key: slot.key, seen: slot.tasks, steps, ...(wakeAt !== undefined && { wakeAt }) };
}

const unwanted = (task: Task): Task => ({ ...task, desiredState: "shutdown" });

function createStep(slot: Slot, create: NonNullable<Decision["create"]>, blocked: boolean): CreateStep {
  const waits = !create.besides && (blocked || create.delayMs > 0);
  return {
    do: "create",
    slot: slot.number,
    ...(slot.nodeId && { nodeId: slot.nodeId }),
    cause: create.cause,
    desired: waits ? "ready" : "running",
  };
}

/** Lets a waiting task start once its restart delay is over and the tasks it follows have stopped. */
function planStart(task: Task, blocked: boolean, { now }: Context): { step?: TaskStep; wakeAt?: number } {
  if (task.desiredState === "running" || hasEnded(task)) return {};
  const createdAt = Date.parse(task.createdAt);
  const dueAt = task.cause === "restart" ? createdAt + restartDelayMs(task.spec) : createdAt;
  if (now < dueAt) return { wakeAt: dueAt };
  const timeoutAt = createdAt + predecessorTimeoutMs;
  return blocked && now < timeoutAt ? { wakeAt: timeoutAt } : { step: { do: "start", task } };
}

const hasEnded = ({ status }: Task) => isTerminal(status.state);

/**
 * Tasks beyond the history's length, oldest of all first; never one that is to run, or may still be running. A slot
 * without a task to run keeps them all: they tell whether it is to have one.
 */
function excess(slot: Slot, ending: readonly Task[], newer: number, context: Context): Task[] {
  if (newer === 0 && !ending.some(isLive)) return [];
  if (ending.length + newer <= context.historyLength) return [];
  return slot.tasks.filter((task, i) => {
    const then = ending[i] ?? task;
    return i + newer >= context.historyLength && !isLive(then) && isOver(then, context) && !isEvidence(then, context);
  });
}

/** What a running update has made tells how far it is, and how it fares. */
const isEvidence = (task: Task, { updating, service }: Context) =>
  updating && task.cause === "update" && task.specVersion === service.specVersion;

/** True for a task that should have stopped, on a node that has been down for so long that we give up on it. */
const isSilent = (task: Task, context: Context) =>
  !isLive(task) && !hasEnded(task) && whereabouts(task, context) === "dead";
