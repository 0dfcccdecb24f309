import { readFileSync } from "node:fs";

/** True while a process is there and no zombie; of a number that was given out anew this says nothing. */
export function isRunning(pid: number): boolean {
  try {
    const state = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1];
    return state !== "Z" && state !== "X";
  } catch {
    return false;
  }
}
