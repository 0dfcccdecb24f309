import { type Context, isOver } from "./context.ts";
import type { SlotPlan } from "./plan.ts";
import type { Slot } from "./slot.ts";
import type { StopReason, TaskStep } from "./step.ts";

/** Empties a slot that is no longer wanted: what runs is ended, what has stopped is deleted, its history too. */
export function planRemoval(slot: Slot, reason: StopReason, place: Pick<Context, "node" | "now">): SlotPlan {
  const steps = slot.tasks.flatMap((task): TaskStep[] => {
    if (isOver(task, place)) return [{ do: "delete", task }];
    return task.desiredState === "remove" ? [] : [{ do: "remove", task, reason }];
  });
  return { key: slot.key, seen: slot.tasks, steps };
}
