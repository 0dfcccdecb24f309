import { type Clock, type Logger, pause, type Task } from "@skep/model";
import { HistoryGone, type Reader, type Store } from "@skep/store";
import { Ipam } from "../allocator/index.ts";
import { Agenda, type Due } from "./agenda.ts";
import { applyPlan, type PlanFor } from "./apply-plan.ts";
import type { ServiceView } from "./context.ts";
import { markChanges, markEverything } from "./mark-changes.ts";
import { Pace } from "./pace.ts";
import { stepsOf } from "./plan.ts";
import { planService, planSlots } from "./plan-service.ts";
import { describeStep } from "./step.ts";

/** Everything is looked at again this often, whatever has been seen or missed. */
const fullPassMs = 60_000;
/** Changes gather this long between two rounds. */
const restMs = 5;
/** A round ends when its planning has taken this long; what is left is for the next one. */
const roundMs = 20;
/** What fails is tried again after this long. */
const retryMs = 1_000;
const stepsLogged = 20;

const defaultHistoryLimit = 5;

export interface OrchestratorOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where searches for free addresses go on. */
  readonly ipam?: Ipam;
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
  private readonly ipam: Ipam;
  private readonly agenda: Agenda;
  private readonly pace = new Pace();

  constructor({ store, clock, logger, ipam = new Ipam() }: OrchestratorOptions) {
    this.store = store;
    this.clock = clock;
    this.logger = logger.child({ component: "orchestrator" });
    this.ipam = ipam;
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
      await this.round(this.agenda.take());
      await pause(this.clock, restMs, signal);
    }
  }

  /**
   * Plans what is due, and waits for the plans to be carried out. Services are independent of each other: their
   * transactions overlap, and the store may write them together.
   */
  private async round(due: readonly Due[]): Promise<void> {
    const startedAt = this.clock.now();
    const works: Promise<void>[] = [];
    for (const item of due) {
      const now = this.clock.now();
      const restsUntil = this.pace.restsUntil(item.serviceId, now);
      if (restsUntil !== undefined) this.postpone(item, restsUntil);
      else if (now - startedAt >= roundMs) this.postpone(item, now);
      else works.push(this.reconcile(item, now));
    }
    await Promise.all(works);
  }

  private postpone({ serviceId, slots }: Due, until: number): void {
    for (const slot of slots === "all" ? (["all"] as const) : slots) this.agenda.remind(serviceId, slot, until);
  }

  private async reconcile(due: Due, now: number): Promise<void> {
    const { serviceId } = due;
    try {
      const work = this.plan(due, now);
      if (work.whole) this.pace.spent(serviceId, this.clock.now() - now, this.clock.now());
      for (const { key, wakeAt } of work.plan.slots) this.agenda.remind(serviceId, key, wakeAt);
      if (work.whole) this.agenda.remind(serviceId, "all", work.plan.wakeAt);
      const steps = stepsOf(work.plan);
      if (steps.length === 0) return;
      this.logger.debug(
        { service: serviceId, plan: steps.slice(0, stepsLogged).map(describeStep) },
        "reconcile service",
      );
      if (!(await applyPlan(this.store, work, now, this.ipam))) this.agenda.mark(serviceId);
    } catch (err) {
      this.logger.error({ service: serviceId, err }, "cannot reconcile service");
      this.agenda.remind(serviceId, "all", this.clock.now() + retryMs);
    }
  }

  private plan({ serviceId, slots }: Due, now: number): PlanFor & { readonly whole: boolean } {
    const reader = this.store.view();
    const service = reader.get("service", serviceId);
    if (slots !== "all") {
      const tasks = [...slots].flatMap((key) => reader.find("task", "slot", `${serviceId}/${key}`));
      const plan = planSlots(viewOf(reader, service, tasks), slots, now);
      if (plan) return { serviceId, service, plan, whole: false };
    }
    const plan = planService(viewOf(reader, service, reader.find("task", "service", serviceId)), now);
    return { serviceId, service, plan, whole: true };
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
