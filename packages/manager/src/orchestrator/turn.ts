import { isTerminal, type Task } from "@skep/model";
import { type Context, whereabouts } from "./context.ts";
import type { Decision } from "./decision.ts";
import type { Slot } from "./slot.ts";

/** An update's work on one slot: a task of the newest kind takes over, before or after the old one stops. */
export function decideTurn(slot: Slot, context: Context): Decision {
  const startFirst = context.policy.order === "start-first";
  const spared = startFirst ? slot.live.find((task) => works(task, context)) : undefined;
  const stop = slot.live.filter((task) => task !== spared);
  return {
    stop: new Map(stop.map((task) => [task, isTerminal(task.status.state) ? "ended" : "outdated"])),
    create: { cause: "update", delayMs: 0, ...(startFirst && { besides: true }) },
  };
}

function works(task: Task, context: Context): boolean {
  const where = whereabouts(task, context);
  return task.status.state === "running" && (where === "reachable" || where === "drained");
}
