import { compareTaskStates, type Service, type Task } from "@skep/model";
import type { Context } from "./context.ts";
import { earlier } from "./plan.ts";
import { endedByItself, type Slot } from "./slot.ts";
import { rolledBack, updateCompleted, updatePaused, updateStarted } from "./update-status.ts";

/** How a service's update goes on. Nothing of it is remembered: tasks and `UpdateStatus` tell how far it is. */
export interface UpdatePlan {
  /** What the service becomes; it must then be planned anew. */
  readonly service?: Service;
  /** The update is over: to be said no sooner than every slot has its task. */
  readonly completed?: boolean;
  /** Slots whose turn it is. */
  readonly turns?: ReadonlySet<Slot>;
  readonly wakeAt?: number;
}

export function planUpdate(slots: readonly Slot[], context: Context): UpdatePlan {
  const { service, updating, now } = context;
  const state = service.updateStatus?.state;
  if (state === "paused" || state === "rollback_paused") return {};
  const waiting = slots.filter((slot) => awaitsUpdate(slot, context));
  if (updating) return continueUpdate(slots, waiting, context);
  return waiting.length > 0 ? { service: updateStarted(service, now) } : {};
}

/** True for a slot with nothing but outdated tasks that this version of the service has not been tried in. */
export function awaitsUpdate({ tasks, live }: Slot, context: Context): boolean {
  const [newest] = tasks;
  if (!newest || tasks.some(({ specVersion }) => specVersion === context.service.specVersion)) return false;
  const concerned = live.length > 0 ? live : [newest];
  return concerned.every((task) => context.isOutdated(task));
}

function continueUpdate(slots: readonly Slot[], waiting: readonly Slot[], context: Context): UpdatePlan {
  const { service, policy } = context;
  const turns = slots.flatMap((slot) => turnOf(slot, service));
  const failed = decisiveFailure(turns, turns.length + waiting.length, context);
  if (failed) {
    const back = policy.failureAction === "rollback" && service.updateStatus?.state === "updating";
    return { service: (back && rolledBack(service, failed.id)) || updatePaused(service, failed.id) };
  }
  return waiting.length > 0 ? takeTurns(turns, waiting, context) : endUpdate(turns, context);
}

/** A slot the update has come to. */
interface Turn {
  readonly tasks: readonly Task[];
  /** When the first of the tasks made since ran or failed; undefined as long as none has. */
  readonly doneAt?: number;
}

/** Not of an earlier update to the same version: nodes that were away then may start another. */
function turnOf({ tasks }: Slot, { specVersion, updateStatus }: Service): Turn[] {
  const startedAt = Date.parse(updateStatus?.startedAt ?? "");
  const made = tasks.filter((task) => task.specVersion === specVersion && !(Date.parse(task.createdAt) < startedAt));
  const own = made.filter(({ cause }) => cause === "update");
  if (own.length === 0) return [];
  const doneAt = made.map(ranOrEndedAt).reduce(earlier, undefined);
  return [{ tasks: own, ...(doneAt !== undefined && { doneAt }) }];
}

function ranOrEndedAt({ status }: Task): number | undefined {
  if (status.runningAt) return Date.parse(status.runningAt);
  return compareTaskStates(status.state, "running") >= 0 ? Date.parse(status.timestamp) : undefined;
}

/** The failure that made the share of failures too large, if one did. */
function decisiveFailure(turns: readonly Turn[], total: number, { policy }: Context): Task | undefined {
  if (policy.failureAction === "continue") return undefined;
  const failures = turns.flatMap(({ tasks }) => tasks.filter((task) => failedEarly(task, policy.monitorMs)));
  failures.sort((a, b) => Date.parse(a.status.timestamp) - Date.parse(b.status.timestamp));
  return failures.find((_, i) => (i + 1) / total > policy.maxFailureRatio);
}

/** Before it ran, or within the monitoring period after; an early `complete` counts too. */
function failedEarly(task: Task, monitorMs: number): boolean {
  const { runningAt, timestamp } = task.status;
  return endedByItself(task) && (!runningAt || Date.parse(timestamp) - Date.parse(runningAt) <= monitorMs);
}

/** Gives free workers the next slots; a worker rests for the policy's delay after each. */
function takeTurns(turns: readonly Turn[], waiting: readonly Slot[], { policy, now }: Context): UpdatePlan {
  const busyUntil = turns.map(({ doneAt }) => idleAt(doneAt, policy.delayMs)).filter((at) => at > now);
  const free = Math.max(policy.parallelism - busyUntil.length, 0);
  const next = [...waiting].sort(brokenFirst).slice(0, free);
  const wakeAt = busyUntil.reduce((first, at) => Math.min(first, at), Number.POSITIVE_INFINITY);
  return { turns: new Set(next), ...(next.length < waiting.length && Number.isFinite(wakeAt) && { wakeAt }) };
}

/** Completes the update once the last worker has rested and its slot has been watched for the monitoring period. */
function endUpdate(turns: readonly Turn[], { service, policy, now }: Context): UpdatePlan {
  const lastAt = turns.reduce(
    (last, { doneAt }) => Math.max(last, idleAt(doneAt, policy.delayMs)),
    Number.NEGATIVE_INFINITY,
  );
  const wakeAt = lastAt + policy.monitorMs;
  if (wakeAt <= now) return { service: updateCompleted(service, now), completed: true };
  return Number.isFinite(wakeAt) ? { wakeAt } : {};
}

const idleAt = (doneAt: number | undefined, delayMs: number) =>
  doneAt === undefined ? Number.POSITIVE_INFINITY : doneAt + delayMs;

/** Slots that do not run have the least to lose. */
const brokenFirst = (a: Slot, b: Slot) =>
  Number(isServed(a)) - Number(isServed(b)) || a.number - b.number || (a.key < b.key ? -1 : 1);
const isServed = ({ live }: Slot) => live.some(({ status }) => status.state === "running");
