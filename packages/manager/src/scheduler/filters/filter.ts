import type { Task } from "@skep/model";
import type { NodeSummary } from "../node-load.ts";

/** One reason for which a node may not take tasks of a kind. */
export interface Filter {
  /** How many more of the tasks fit on the node as far as this filter can tell: 0 for none, often `Infinity`. */
  check(node: NodeSummary): number;
  /** Why none fits on `count` nodes, in swarmkit's words. */
  explain(count: number): string;
  /** What the operator would have to look up next; must not depend on what changes with every task. */
  detail(refused: readonly NodeSummary[]): string;
}

/** Undefined when the task asks for nothing that the filter could refuse. */
export type MakeFilter = (task: Task) => Filter | undefined;

export const fits = (yes: boolean): number => (yes ? Number.POSITIVE_INFINITY : 0);

export const countNodes = (count: number): string => (count === 1 ? "1 node" : `${count} nodes`);
