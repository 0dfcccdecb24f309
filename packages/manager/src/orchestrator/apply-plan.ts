import { type Service, type ServiceId, type Task, timestamp, unreachable } from "@skep/model";
import type { Store, Transaction } from "@skep/store";
import { allocateService, allocateTask, Ipam } from "../allocator/index.ts";
import { newTask } from "./new-task.ts";
import type { Plan, SlotPlan } from "./plan.ts";
import { isLive } from "./slot.ts";
import type { ServiceStep, TaskStep } from "./step.ts";

/** As swarmkit's batches: a transaction too large would keep everybody else waiting. */
const changesPerTransaction = 200;

export interface PlanFor {
  readonly serviceId: ServiceId;
  /** As it was when the plan was made. */
  readonly service: Service | undefined;
  readonly plan: Plan;
}

/**
 * Carries a plan out, in several transactions if it is large. A slot that has changed since is left as it is, and so is
 * everything if the service has: then the answer is false, and the service has to be planned again.
 */
export async function applyPlan(
  store: Store,
  { serviceId, service, plan }: PlanFor,
  now: number,
  ipam = new Ipam(),
): Promise<boolean> {
  const means = { now, ipam };
  const [first = [], ...rest] = inPortions(plan.slots);
  const next = plan.service?.service ?? service;
  let fresh = await store.update((tx) => {
    const current = tx.get("service", serviceId);
    if (!isAsSeen(current, service) || (plan.service && current?.version !== service?.version)) return false;
    if (plan.service) tx.put("service", written(tx, plan.service, ipam));
    return applySlots(tx, serviceId, first, means);
  });
  for (const slots of rest) {
    const applied = await store.update(
      (tx) => isAsSeen(tx.get("service", serviceId), next) && applySlots(tx, serviceId, slots, means),
    );
    fresh &&= applied;
  }
  return fresh;
}

/** Whether the service still wants what was planned; who else writes to it in between does not matter. */
const isAsSeen = (current: Service | undefined, seen: Service | undefined): boolean =>
  current?.specVersion === seen?.specVersion && current?.updateStatus?.state === seen?.updateStatus?.state;

/** Another spec may need other addresses and ports. */
const written = (tx: Transaction, { service, rolledBack }: ServiceStep, ipam: Ipam): Service =>
  rolledBack ? allocateService(tx, service, ipam) : service;

interface Means {
  readonly now: number;
  readonly ipam: Ipam;
}

function* inPortions(slots: readonly SlotPlan[]): Generator<SlotPlan[]> {
  let portion: SlotPlan[] = [];
  let changes = 0;
  for (const slot of slots) {
    if (slot.steps.length === 0) continue;
    if (changes > 0 && changes + slot.steps.length > changesPerTransaction) {
      yield portion;
      portion = [];
      changes = 0;
    }
    portion.push(slot);
    changes += slot.steps.length;
  }
  if (portion.length > 0) yield portion;
}

function applySlots(tx: Transaction, serviceId: ServiceId, slots: readonly SlotPlan[], means: Means): boolean {
  const service = tx.get("service", serviceId);
  let fresh = true;
  for (const { key, seen, steps } of slots) {
    if (sameTasks(tx.find("task", "slot", `${serviceId}/${key}`), seen)) {
      for (const step of steps) applyStep(tx, service, step, means);
    } else {
      fresh = false;
    }
  }
  return fresh;
}

function sameTasks(current: readonly Task[], seen: readonly Task[]): boolean {
  if (current.length !== seen.length) return false;
  return seen.every((task) => current.some(({ id, version }) => id === task.id && version === task.version));
}

function applyStep(tx: Transaction, service: Service | undefined, step: TaskStep, { now, ipam }: Means): void {
  switch (step.do) {
    case "create":
      if (service) tx.put("task", allocateTask(tx, newTask(service, step, now), service, ipam, now));
      return;
    case "start":
      tx.put("task", { ...step.task, desiredState: "running" });
      return;
    case "shutdown":
      tx.put("task", { ...step.task, desiredState: "shutdown" });
      return;
    case "remove":
      tx.put("task", { ...step.task, desiredState: "remove" });
      return;
    case "delete":
      tx.delete("task", step.task.id);
      return;
    case "orphan":
      tx.put("task", orphaned(step.task, now));
      return;
    default:
      unreachable(step);
  }
}

function orphaned(task: Task, now: number): Task {
  const message = "Task belonged to a node that has been down for too long";
  return {
    ...task,
    desiredState: isLive(task) ? "shutdown" : task.desiredState,
    status: { ...task.status, state: "orphaned", timestamp: timestamp(now), message },
  };
}
