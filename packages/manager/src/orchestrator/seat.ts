import type { Context } from "./context.ts";
import { type Decision, nothing } from "./decision.ts";
import { finishSlot } from "./finish-slot.ts";
import type { SlotPlan } from "./plan.ts";
import { planRemoval } from "./removal.ts";
import { decideReplacement } from "./replacement.ts";
import type { Slot } from "./slot.ts";
import type { StopReason } from "./step.ts";
import { decideTurn } from "./turn.ts";

/** What a service wants of a slot. */
export type Seat =
  /** Its task goes on, or is replaced; `updatable` slots take part in updates. */
  | { readonly want: "keep"; readonly slot: Slot; readonly updatable: boolean }
  /** It is to have a task; `at once` even if an old one of the slot is still stopping. */
  | { readonly want: "fill"; readonly slot: Slot; readonly atOnce: boolean }
  /** Nothing is to run in it for now; outdated tasks only, as long as those of the newest kind may stay. */
  | { readonly want: "pause"; readonly slot: Slot; readonly reason: StopReason; readonly outdatedOnly: boolean }
  /** It is gone. */
  | { readonly want: "remove"; readonly slot: Slot; readonly reason: StopReason };

/** The plan for one slot; `turn` when the running update has come to it. */
export function planSeat(seat: Seat, turn: boolean, context: Context): SlotPlan {
  const { slot } = seat;
  if (seat.want === "remove") return planRemoval(slot, seat.reason, context);
  return finishSlot(slot, decide(seat, turn, context), context);
}

function decide(seat: Exclude<Seat, { want: "remove" }>, turn: boolean, context: Context): Decision {
  const { slot } = seat;
  switch (seat.want) {
    case "keep":
      return turn ? decideTurn(slot, context) : decideReplacement(slot, context);
    case "fill":
      return { ...nothing, create: { cause: "replica", delayMs: 0, ...(seat.atOnce && { besides: true }) } };
    case "pause": {
      const tasks = seat.outdatedOnly ? slot.live.filter((task) => context.isOutdated(task)) : slot.live;
      return { stop: new Map(tasks.map((task) => [task, seat.reason])) };
    }
  }
}
