import type { ClusterView } from "./cluster-view.ts";
import { assignedTask, type Decision, explainedTask } from "./decision.ts";
import type { NodeSummary } from "./node-load.ts";
import type { PendingGroup } from "./pending-queue.ts";
import { type Circumstances, type Schedule, schedule } from "./schedule.ts";

/** How much is decided at once, so that other work of the process gets its turn between rounds. */
export interface RoundLimits {
  readonly decisions: number;
  /** Nodes looked at, summed over the groups that are ready. */
  readonly checks: number;
}

/**
 * Decides about pending tasks and puts the decisions into `view` as if they had been carried out. What the limits leave
 * undone stays ready for the next round.
 */
export function planRound(view: ClusterView, circumstances: Circumstances, limits: RoundLimits): Decision[] {
  const round = new Round(view, circumstances, limits);
  for (const group of view.queue.ready()) {
    if (round.isFull) return round.decisions;
    round.planReady(group);
  }
  if (view.released.size > 0) round.retryBlocked();
  return round.decisions;
}

class Round {
  readonly decisions: Decision[] = [];
  private checks = 0;
  private readonly view: ClusterView;
  private readonly circumstances: Circumstances;
  private readonly limits: RoundLimits;

  constructor(view: ClusterView, circumstances: Circumstances, limits: RoundLimits) {
    this.view = view;
    this.circumstances = circumstances;
    this.limits = limits;
  }

  get isFull(): boolean {
    return this.decisions.length >= this.limits.decisions || this.checks >= this.limits.checks;
  }

  planReady(group: PendingGroup): void {
    const bound = group.nodeId && this.view.node(group.nodeId);
    const { explanation } = this.place(group, group.nodeId ? (bound ? [bound] : []) : this.view.nodes);
    if (explanation !== undefined) this.explainRest(group, explanation);
  }

  /**
   * Tries blocked groups on those nodes only where room was given up: the others had none, and have not changed. The
   * explanations stay, although one of their counts may now be a little old.
   */
  retryBlocked(): void {
    const { queue, released } = this.view;
    const freed = this.view.nodes.filter(({ node }) => released.has(node.id));
    for (const group of [...queue.blocked()]) {
      if (this.decisions.length >= this.limits.decisions) return;
      if (group.nodeId === undefined || released.has(group.nodeId)) this.place(group, freed);
    }
    released.clear();
  }

  private place(group: PendingGroup, nodes: readonly NodeSummary[]): Schedule {
    this.checks += nodes.length;
    const tasks = group.tasks
      .values()
      .take(this.limits.decisions - this.decisions.length)
      .toArray();
    const plan = schedule(tasks, nodes, this.circumstances);
    for (const { task, node } of plan.placements) {
      const assigned = assignedTask(task, node.node.id, this.circumstances.nowMs);
      this.view.setTask(task.id, assigned, this.circumstances.nowMs);
      this.decisions.push({ do: "assign", task, node: node.node });
    }
    return plan;
  }

  /** The group has no room left anywhere: tells every task of it why, unless it knows. */
  private explainRest(group: PendingGroup, explanation: string): void {
    for (const task of group.tasks.values()) {
      if (task.status.err === explanation) continue;
      if (this.decisions.length >= this.limits.decisions) return;
      this.view.setTask(task.id, explainedTask(task, explanation), this.circumstances.nowMs);
      this.decisions.push({ do: "explain", task, explanation });
    }
    this.view.queue.block(group);
  }
}
