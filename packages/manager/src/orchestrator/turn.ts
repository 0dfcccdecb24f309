import { isTerminal, type Task } from "@skep/model";
import { type Context, isOver } from "./context.ts";
import type { Decision } from "./decision.ts";
import type { Slot } from "./slot.ts";

/** An update's work on one slot: a task of the newest kind takes over, before or after the old one stops. */
export function decideTurn(slot: Slot, context: Context): Decision {
  const startFirst = context.policy.order === "start-first";
  const stop = slot.live.filter((task) => !(startFirst && works(task, context)));
  return {
    stop: new Map(stop.map((task) => [task, isTerminal(task.status.state) ? "ended" : "outdated"])),
    create: { cause: "update", delayMs: 0, ...(startFirst && { besides: true }) },
  };
}

const works = (task: Task, context: Context) => task.status.state === "running" && !isOver(task, context);
