import type { Task } from "@skep/model";
import type { StopReason } from "./step.ts";

/** What is to change in a slot; `finishSlot` turns it into steps. */
export interface Decision {
  readonly stop: ReadonlyMap<Task, StopReason>;
  readonly create?: {
    readonly cause: Task["cause"];
    /** Earliest start from now. */
    readonly delayMs: number;
    /** Starts at once, whatever of the slot is still stopping. */
    readonly besides?: boolean;
  };
  readonly wakeAt?: number;
}

export const nothing: Decision = { stop: new Map() };
