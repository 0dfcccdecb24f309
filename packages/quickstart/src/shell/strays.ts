import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { markerVariable, type Places } from "../places.ts";

/** Ends the commands that a killed quickstart has left at work; resolves when they are gone, with how many there were. */
export async function endStrays(places: Pick<Places, "state">): Promise<number> {
  const ended = new Set<number>();
  for (;;) {
    const strays = findStrays(places.state);
    if (strays.length === 0) return ended.size;
    for (const pid of strays) {
      ended.add(pid);
      kill(pid);
    }
    await delay(20);
  }
}

function findStrays(state: string): number[] {
  const mark = `\0${markerVariable}=${state}\0`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => `\0${environmentOf(pid)}`.includes(mark))
    .map(Number);
}

/** Empty for a process that has ended, also one that its parent has not asked after. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}
