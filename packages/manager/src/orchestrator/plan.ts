import type { Task } from "@skep/model";
import { describeStep, type ServiceStep, type Step, type TaskStep } from "./step.ts";

/** What to do in one slot: all of it or, if the slot is no longer as it was seen, nothing. */
export interface SlotPlan {
  readonly key: string;
  readonly seen: readonly Task[];
  readonly steps: readonly TaskStep[];
  /** When the slot must be looked at again even if nothing changes; milliseconds since the epoch. */
  readonly wakeAt?: number;
}

/** What to do for one service, the service itself first. */
export interface Plan {
  readonly service?: ServiceStep;
  readonly slots: readonly SlotPlan[];
  /** When the service as a whole must be looked at again; its slots have times of their own. */
  readonly wakeAt?: number;
}

export const stepsOf = (plan: Plan): Step[] => [
  ...(plan.service ? [plan.service] : []),
  ...plan.slots.flatMap(({ steps }) => steps),
];

export const describePlan = (plan: Plan): string[] => stepsOf(plan).map(describeStep);

/** When planning again will first say something new if nothing changes; undefined: never. */
export const wakeAtOf = (plan: Plan): number | undefined =>
  plan.slots.reduce((first, { wakeAt }) => earlier(first, wakeAt), plan.wakeAt);

export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
