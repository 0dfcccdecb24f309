import { setTimeout as delay } from "node:timers/promises";
import { findProcesses } from "@skep/machine";
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

const findStrays = (state: string): number[] =>
  findProcesses({ marker: `\0${markerVariable}=${state}`, namespaces: new Set() })
    .map(({ pid }) => pid)
    .filter((pid) => pid !== process.pid);

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}
