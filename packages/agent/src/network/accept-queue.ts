import { readFile } from "node:fs/promises";
import type { Clock } from "@skep/model";

/** A program that needs longer for what waits does not get on with it. */
const longestMs = 1000;
const pauseMs = 20;
const TCP_LISTEN = "0A";

/** Whether connections wait to be accepted, by a table such as /proc/net/tcp: a listening socket's queue counts them. */
export const hasUnaccepted = (table: string): boolean =>
  table.split("\n").some((line) => {
    const [, , , state = "", queues = ""] = line.trim().split(/\s+/);
    return state === TCP_LISTEN && !queues.endsWith(":00000000");
  });

/**
 * Resolves when nothing waits to be accepted in the network of a process: what waits there is reset when its program
 * stops to listen, as all do at their stop signal. Never rejects.
 */
export async function untilAccepted(pid: number, clock: Clock, tables = tablesOf): Promise<void> {
  const deadline = clock.now() + longestMs;
  while (clock.now() < deadline && (await tables(pid)).some(hasUnaccepted)) {
    await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
  }
}

const tablesOf = (pid: number): Promise<readonly string[]> =>
  Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "latin1").catch(() => "")));
