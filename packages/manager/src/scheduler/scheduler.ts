import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, type Logger, pause } from "@skep/model";
import { HistoryGone, type Store } from "@skep/store";
import { Burst } from "./burst.ts";
import { ClusterView } from "./cluster-view.ts";
import { carryOut, type Decision } from "./decision.ts";
import { planRound } from "./plan-round.ts";
import { RevisionGate } from "./revision-gate.ts";
import type { PickIndex } from "./spread.ts";

export interface SchedulerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Chooses among equal nodes; by chance unless given. */
  readonly pickIndex?: PickIndex;
}

const burstLimits = { quietMs: 2, atMostMs: 50 };
const roundLimits = { decisions: 1000, checks: 200_000 };
const tasksPerTransaction = 200;
/** Blocked groups are tried again so often even when nothing has happened that could help them. */
const refreshMs = 60_000;
const retryAfterFailureMs = 1000;

/** The cluster as it is followed from one listing on. */
interface Following {
  readonly view: ClusterView;
  readonly burst: Burst;
  readonly gate: RevisionGate;
}

/**
 * Gives every pending task a node, or the reason why there is none, as long as `run` lasts; run by the leader only.
 * A task once assigned is never moved.
 */
export class Scheduler {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly pickIndex: PickIndex;

  constructor({ store, clock, logger, pickIndex }: SchedulerOptions) {
    this.store = store;
    this.clock = clock;
    this.logger = logger;
    this.pickIndex = pickIndex ?? ((length) => Math.floor(Math.random() * length));
  }

  /** Resolves once `signal` aborts. After a failure it lists the store anew and goes on. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.follow(signal);
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof HistoryGone) {
          this.logger.debug({}, "fell behind the store, listing again");
          continue;
        }
        this.logger.error({ err, retryAfterFailureMs }, "scheduling failed, trying again");
        await pause(this.clock, retryAfterFailureMs, signal);
      }
    }
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const reader = this.store.view();
    const { revision } = reader;
    const following = {
      view: new ClusterView(reader, this.clock.now()),
      burst: new Burst(this.clock, burstLimits),
      gate: new RevisionGate(revision),
    };
    const stop = new AbortController();
    const until = AbortSignal.any([signal, stop.signal]);
    until.addEventListener("abort", () => {
      following.burst.close();
      following.gate.close();
    });
    const loops = [
      this.takeIn(following, revision, until),
      this.work(following, until),
      this.refresh(following, until),
    ];
    try {
      await Promise.race(loops);
    } finally {
      stop.abort();
      await Promise.allSettled(loops);
    }
  }

  private async takeIn({ view, burst, gate }: Following, revision: number, signal: AbortSignal): Promise<void> {
    if (hasWork(view)) burst.note();
    for await (const set of this.store.watch(revision, signal)) {
      const nowMs = this.clock.now();
      for (const change of set.changes) view.apply(change, nowMs);
      gate.advance(set.revision);
      if (hasWork(view)) burst.note();
    }
  }

  private async work(following: Following, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await following.burst.over();
      while (!signal.aborted && hasWork(following.view)) {
        await this.round(following);
        await nextTurn();
      }
    }
  }

  private async refresh({ view, burst }: Following, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.clock, refreshMs, signal);
      view.queue.unblockAll();
      if (hasWork(view)) burst.note();
    }
  }

  /** Plans, writes, and waits until what was written has come back, so that the next plan starts from the truth. */
  private async round({ view, gate }: Following): Promise<void> {
    const nowMs = this.clock.now();
    const decisions = planRound(view, { nowMs, pickIndex: this.pickIndex }, roundLimits);
    if (decisions.length === 0) return;
    const refused = await this.write(decisions, nowMs);
    const reader = this.store.view();
    for (const { task } of refused) view.setTask(task.id, reader.get("task", task.id), nowMs);
    this.logger.debug({ decisions: decisions.length, refused: refused.length }, "scheduled tasks");
    await gate.reached(reader.revision);
  }

  /** The decisions that no longer held when they were to be written. */
  private async write(decisions: readonly Decision[], nowMs: number): Promise<readonly Decision[]> {
    const writes = chunks(decisions, tasksPerTransaction).map((chunk) =>
      this.store.update((tx) => chunk.filter((decision) => !carryOut(tx, decision, nowMs))),
    );
    return (await Promise.all(writes)).flat();
  }
}

const hasWork = ({ queue, released }: ClusterView) => queue.hasReady || (queue.hasBlocked && released.size > 0);

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
