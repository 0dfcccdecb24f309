import type { Clock, Logger } from "@skep/model";
import { BackOff } from "../back-off.ts";
import { Complaint } from "../complaint.ts";
import type { Changed, SwarmChanges } from "./swarm-changes.ts";
import { isNotAManager } from "./swarm-client.ts";

/** One kind of object of the swarm, and how to look at it. */
export interface SwarmTable<T> {
  list(signal: AbortSignal): Promise<readonly T[]>;
  /** Undefined when it is gone, or of no interest. */
  get(id: string, signal: AbortSignal): Promise<T | undefined>;
}

export interface WatchSwarmOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told when the swarm cannot be asked, and (undefined) when it can again. */
  readonly onProblem?: (problem: Error | undefined) => void;
}

interface SwarmObject {
  readonly id: string;
  readonly version: number;
}

/** With more changes at once, listing everything costs the manager less. */
const mostSingleLooks = 16;

/**
 * Yields the whole table, by id, now and after each change, until `signal` aborts. A slow consumer misses snapshots, never the
 * newest. While the swarm cannot be asked nothing is yielded, and it is tried again with growing waits up to 10 s.
 */
export async function* watchSwarm<T extends SwarmObject>(
  table: SwarmTable<T>,
  changes: SwarmChanges,
  { clock, log, onProblem = () => {} }: WatchSwarmOptions,
  signal: AbortSignal,
): AsyncGenerator<ReadonlyMap<string, T>> {
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const following = changes.run(until);
  const complaint = new Complaint(log, "the swarm cannot be asked");
  const backOff = new BackOff(clock, 250, 10_000);
  let held: ReadonlyMap<string, T> | undefined;
  try {
    for (;;) {
      const changed = await changes.next(until);
      if (until.aborted) return;
      try {
        const found = await look(table, held, changed, until);
        complaint.cured();
        backOff.reset();
        onProblem(undefined);
        if (held && isSame(held, found)) continue;
        held = found;
      } catch (error) {
        if (until.aborted) return;
        complaint.tell(isNotAManager(error) ? new Error("this node is not a swarm manager") : error);
        onProblem(error as Error);
        changes.mark("everything");
        await backOff.wait(until);
        continue;
      }
      yield held;
    }
  } finally {
    ended.abort();
    await following;
  }
}

/** The table as it is now: read whole, or `held` with what has changed read again. */
async function look<T extends SwarmObject>(
  table: SwarmTable<T>,
  held: ReadonlyMap<string, T> | undefined,
  changed: Changed,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, T>> {
  if (!held || changed === "everything" || changed.size > mostSingleLooks) {
    return new Map((await table.list(signal)).map((value) => [value.id, value]));
  }
  const found = new Map(held);
  const looks = [...changed].map(async (id) => [id, await table.get(id, signal)] as const);
  for (const [id, value] of await Promise.all(looks)) {
    if (value) found.set(id, value);
    else found.delete(id);
  }
  return found;
}

const isSame = <T extends SwarmObject>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean =>
  a.size === b.size && [...b].every(([id, { version }]) => a.get(id)?.version === version);
