import type { Task } from "@skep/model";
import type { Filter } from "./filters/filter.ts";
import { explain, filtersFor, roomOn } from "./filters/pipeline.ts";
import type { NodeSummary } from "./node-load.ts";
import { type Candidate, type PickIndex, spread } from "./spread.ts";

/** So many failures of a service version on a node within five minutes put the node last. */
const tooManyFailures = 5;

export interface Placement {
  readonly task: Task;
  readonly node: NodeSummary;
}

export interface Schedule {
  readonly placements: readonly Placement[];
  readonly unplaced: readonly Task[];
  /** Why tasks are unplaced, for the operator; absent when all are placed. */
  readonly explanation?: string;
}

export interface Circumstances {
  readonly nowMs: number;
  readonly pickIndex: PickIndex;
}

/**
 * Finds nodes for pending tasks that are alike: of one service and spec version, and either all without a node or all
 * bound to the same one, which is then the only one looked at.
 */
export function schedule(
  tasks: readonly Task[],
  nodes: readonly NodeSummary[],
  { nowMs, pickIndex }: Circumstances,
): Schedule {
  const [sample] = tasks;
  if (!sample) return { placements: [], unplaced: [] };
  const filters = filtersFor(sample);
  const eligible = sample.nodeId === undefined ? nodes : nodes.filter(({ node }) => node.id === sample.nodeId);
  const candidates = eligible.map((node) => candidateFor(sample, node, filters, nowMs));
  const next = spread(candidates, sample.spec.Placement?.Preferences, pickIndex);
  const placements: Placement[] = [];
  for (const task of tasks) {
    const candidate = next();
    if (!candidate) break;
    placements.push({ task, node: candidate.node });
  }
  const unplaced = tasks.slice(placements.length);
  return unplaced.length === 0
    ? { placements, unplaced }
    : { placements, unplaced, explanation: explain(filters, candidates) };
}

function candidateFor(task: Task, node: NodeSummary, filters: readonly Filter[], nowMs: number): Candidate {
  const failures = node.load.recentFailures(task, nowMs);
  return {
    node,
    room: roomOn(node, filters),
    failures: failures >= tooManyFailures ? failures : 0,
    serviceTasks: node.load.activeTasksOf(task.serviceId),
    allTasks: node.load.activeTasks,
    placed: 0,
  };
}
