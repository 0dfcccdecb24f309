import type { Task } from "@skep/model";
import type { NodeSummary } from "../node-load.ts";
import { constraintFilter } from "./constraint-filter.ts";
import type { Filter, MakeFilter } from "./filter.ts";
import { hostPortFilter } from "./host-port-filter.ts";
import { maxReplicasFilter } from "./max-replicas-filter.ts";
import { platformFilter } from "./platform-filter.ts";
import { pluginFilter } from "./plugin-filter.ts";
import { readyFilter } from "./ready-filter.ts";
import { reservationFilter } from "./reservation-filter.ts";

/** In the order of check; a node is counted under the first filter that refuses it. */
const everyFilter: readonly MakeFilter[] = [
  readyFilter,
  reservationFilter,
  pluginFilter,
  constraintFilter,
  platformFilter,
  hostPortFilter,
  maxReplicasFilter,
];

/** A global service's orchestrator has chosen the node by constraints and platform already. */
const filtersOfChosenNode: readonly MakeFilter[] = [readyFilter, reservationFilter, pluginFilter, hostPortFilter];

/** The filters that apply to tasks like this one. */
export const filtersFor = (task: Task): Filter[] =>
  (task.nodeId === undefined ? everyFilter : filtersOfChosenNode).flatMap((make) => make(task) ?? []);

/** How many more of the tasks fit on the node. */
export function roomOn(node: NodeSummary, filters: readonly Filter[]): number {
  let room = Number.POSITIVE_INFINITY;
  for (const filter of filters) {
    room = Math.min(room, filter.check(node));
    if (room === 0) break;
  }
  return room;
}

/** A node that has no room left once `placed` of the tasks are on it. */
export interface FullNode {
  readonly node: NodeSummary;
  readonly placed: number;
}

/** Why none of the nodes takes another task: swarmkit's words, then what they leave unsaid. */
export function explain(filters: readonly Filter[], full: readonly FullNode[]): string {
  const refusals = refusalsOf(filters, full);
  if (refusals.length === 0) return "no suitable node";
  const words = refusals.map(({ filter, nodes }) => filter.explain(nodes.length)).join("; ");
  const details = refusals.map(({ filter, nodes }) => filter.detail(nodes)).join("; ");
  return `no suitable node (${words}): ${details}`;
}

interface Refusal {
  readonly filter: Filter;
  readonly nodes: NodeSummary[];
}

/** The filter that refuses most nodes first, as swarmkit does. */
function refusalsOf(filters: readonly Filter[], full: readonly FullNode[]): Refusal[] {
  const refusals = filters.map((filter): Refusal => ({ filter, nodes: [] }));
  for (const { node, placed } of full) {
    refusals.find(({ filter }) => filter.check(node) <= placed)?.nodes.push(node);
  }
  return refusals.filter(({ nodes }) => nodes.length > 0).sort((a, b) => b.nodes.length - a.nodes.length);
}
