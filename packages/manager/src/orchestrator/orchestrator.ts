import type { Clock, Logger, Task } from "@skep/model";
import { HistoryGone, type Reader, type Store } from "@skep/store";
import { pause } from "../scheduler/pause.ts";
import { Agenda, type Due } from "./agenda.ts";
import { applyPlan, type PlanFor } from "./apply-plan.ts";
import type { ServiceView } from "./context.ts";
import { markChanges, markEverything } from "./mark-changes.ts";
import { describePlan } from "./plan.ts";
import { planService, planSlots } from "./plan-service.ts";

/** Everything is looked at again this often, whatever has been seen or missed. */
const fullPassMs = 60_000;
/** After a round the orchestrator rests, at least this long and twice as long as the planning took. */
const leastRestMs = 5;
/** What fails is tried again after this long. */
const retryMs = 1_000;
/** A round ends when its planning has taken this long; what is left is for the next one. */
const roundMs = 20;

const defaultHistoryLimit = 5;

export interface OrchestratorOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Makes the tasks of services and ends them: fills slots, restarts, updates, moves away from lost nodes, and forgets
 * old tasks. To be run by the leader only. It keeps nothing that is not in the store, so the next one can take over
 * at any instant.
 */
export class Orchestrator {
  private readonly store: Store;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly agenda: Agenda;

  constructor({ store, clock, logger }: OrchestratorOptions) {
    this.store = store;
    this.clock = clock;
    this.logger = logger.child({ component: "orchestrator" });
    this.agenda = new Agenda(clock);
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const parts = [this.follow(both), this.work(both)].map((part) => part.finally(() => ended.abort()));
    for (const result of await Promise.allSettled(parts)) if (result.status === "rejected") throw result.reason;
  }

  /** Keeps the agenda up to date with the store. */
  private async follow(signal: AbortSignal): Promise<void> {
    let cancel = () => {};
    const fullPassLater = () => {
      cancel = this.clock.after(fullPassMs, () => {
        markEverything(this.store.view(), this.agenda);
        fullPassLater();
      });
    };
    fullPassLater();
    try {
      while (!signal.aborted) await this.followHistory(signal);
    } finally {
      cancel();
    }
  }

  private async followHistory(signal: AbortSignal): Promise<void> {
    const reader = this.store.view();
    markEverything(reader, this.agenda);
    try {
      for await (const changes of this.store.watch(reader.revision, signal)) {
        markChanges(changes, this.store.view(), this.agenda);
      }
    } catch (error) {
      if (!(error instanceof HistoryGone)) throw error;
    }
  }

  private async work(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.agenda.wait(signal);
      if (signal.aborted) return;
      const planningMs = await this.round(this.agenda.take());
      await pause(this.clock, Math.max(leastRestMs, 2 * planningMs), signal);
    }
  }

  /**
   * Plans what is due, and waits for the plans to be carried out; resolves with the time the planning took. Services are
   * independent of each other: their transactions overlap, and the store may write them together.
   */
  private async round(due: readonly Due[]): Promise<number> {
    const startedAt = this.clock.now();
    const works: Promise<void>[] = [];
    for (const item of due) {
      if (this.clock.now() - startedAt < roundMs) works.push(this.reconcile(item));
      else this.postpone(item);
    }
    const planningMs = this.clock.now() - startedAt;
    await Promise.all(works);
    return planningMs;
  }

  private postpone({ serviceId, slots }: Due): void {
    if (slots === "all") this.agenda.mark(serviceId);
    else for (const slot of slots) this.agenda.mark(serviceId, slot);
  }

  private async reconcile(due: Due): Promise<void> {
    const { serviceId } = due;
    try {
      const now = this.clock.now();
      const work = this.plan(due, now);
      for (const { key, wakeAt } of work.plan.slots) this.agenda.remind(serviceId, key, wakeAt);
      this.agenda.remind(serviceId, "all", work.plan.wakeAt);
      const lines = describePlan(work.plan);
      if (lines.length === 0) return;
      this.logger.debug({ service: serviceId, plan: lines }, "reconcile service");
      if (!(await applyPlan(this.store, work, now))) this.agenda.mark(serviceId);
    } catch (err) {
      this.logger.error({ service: serviceId, err }, "cannot reconcile service");
      this.agenda.remind(serviceId, "all", this.clock.now() + retryMs);
    }
  }

  private plan({ serviceId, slots }: Due, now: number): PlanFor {
    const reader = this.store.view();
    const service = reader.get("service", serviceId);
    const inSlots = (keys: ReadonlySet<string>) =>
      [...keys].flatMap((key) => reader.find("task", "slot", `${serviceId}/${key}`));
    const plan =
      (slots !== "all" && planSlots(viewOf(reader, service, inSlots(slots)), slots, now)) ||
      planService(viewOf(reader, service, reader.find("task", "service", serviceId)), now);
    return { serviceId, service, plan };
  }
}

function viewOf(reader: Reader, service: ServiceView["service"], tasks: readonly Task[]): ServiceView {
  const [cluster] = reader.all("cluster");
  return {
    service,
    tasks,
    node: (id) => reader.get("node", id),
    nodes: () => reader.all("node"),
    historyLimit: cluster ? (cluster.spec.Orchestration?.TaskHistoryRetentionLimit ?? 0) : defaultHistoryLimit,
  };
}
