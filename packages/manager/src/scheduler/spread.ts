import type { Node, Placement } from "@skep/model";
import { Heap } from "./heap.ts";
import type { NodeSummary } from "./node-load.ts";

/** Picks one of `length` equal choices: an index from 0 up to `length`, not including it. */
export type PickIndex = (length: number) => number;

/** A node as a place for the tasks of one group. */
export interface Candidate {
  readonly node: NodeSummary;
  /** How many of the tasks fit at most. */
  readonly room: number;
  /** Recent failures of the tasks' service, when there are too many of them; else 0. */
  readonly failures: number;
  readonly serviceTasks: number;
  readonly allTasks: number;
  /** How many of the tasks have been placed here. */
  placed: number;
}

/** A branch of the tree of spread preferences, or a leaf of it: one node. */
interface Branch {
  /** Takes one more task; undefined when there is no room left. */
  take(): Candidate | undefined;
  /** Tasks of the service in this branch, those of the group included. */
  tasks: number;
  /** Among equals the lower one goes first. */
  readonly tie: number;
}

interface Leaf extends Branch {
  readonly candidate: Candidate;
}

/**
 * Spreads tasks over the candidates: every call picks the place of one more task, undefined when all are full. Labels
 * named by the preferences come first, each branch getting as many tasks as its siblings; within a branch nodes are
 * filled evenly, as swarmkit does: nodes with too many recent failures last, then those with the fewest tasks of the
 * service, then with the fewest tasks in all.
 */
export function spread(
  candidates: readonly Candidate[],
  preferences: Placement["Preferences"],
  pickIndex: PickIndex,
): () => Candidate | undefined {
  const leaves = rotate(candidates, pickIndex).map(leafOf);
  const root = branchOf(leaves, labelsOf(preferences), 0, pickIndex);
  return () => root.take();
}

function leafOf(candidate: Candidate, tie: number): Leaf {
  const leaf: Leaf = {
    candidate,
    tie,
    tasks: candidate.serviceTasks,
    take() {
      if (candidate.placed >= candidate.room) return undefined;
      candidate.placed++;
      leaf.tasks++;
      return candidate;
    },
  };
  return leaf;
}

function branchOf(leaves: readonly Leaf[], labels: readonly LabelReader[], tie: number, pickIndex: PickIndex): Branch {
  const [label, ...deeper] = labels;
  if (!label) return fillEvenly(leaves, byLoad, tie);
  const byValue = Map.groupBy(leaves, ({ candidate }) => label(candidate.node.node));
  const branches = rotate([...byValue.values()], pickIndex).map((members, index) =>
    branchOf(members, deeper, index, pickIndex),
  );
  return fillEvenly(branches, byTasks, tie);
}

function fillEvenly<T extends Branch>(branches: readonly T[], compare: (a: T, b: T) => number, tie: number): Branch {
  const heap = new Heap(branches, compare);
  const branch: Branch = {
    tie,
    tasks: branches.reduce((sum, { tasks }) => sum + tasks, 0),
    take() {
      for (let least = heap.least; least; least = heap.least) {
        const candidate = least.take();
        if (candidate) {
          heap.leastGrew();
          branch.tasks++;
          return candidate;
        }
        heap.removeLeast();
      }
      return undefined;
    },
  };
  return branch;
}

const byTasks = (a: Branch, b: Branch): number => a.tasks - b.tasks || a.tie - b.tie;

const byLoad = (a: Leaf, b: Leaf): number =>
  a.candidate.failures - b.candidate.failures ||
  a.tasks - b.tasks ||
  a.candidate.allTasks + a.candidate.placed - (b.candidate.allTasks + b.candidate.placed) ||
  a.tie - b.tie;

type LabelReader = (node: Node) => string;

/** Descriptors other than labels are skipped, as in swarmkit. Nodes without the label form a branch of their own. */
const labelsOf = (preferences: Placement["Preferences"]): LabelReader[] =>
  (preferences ?? []).flatMap(({ Spread }) => labelReader(Spread?.SpreadDescriptor ?? "") ?? []);

function labelReader(descriptor: string): LabelReader | undefined {
  const [, owner, name] = /^(node|engine)\.labels\.(.+)$/is.exec(descriptor) ?? [];
  if (!owner || !name) return undefined;
  return owner.toLowerCase() === "node"
    ? (node) => node.spec.Labels?.[name] ?? ""
    : (node) => node.description?.Engine.Labels?.[name] ?? "";
}

function rotate<T>(items: readonly T[], pickIndex: PickIndex): readonly T[] {
  if (items.length < 2) return items;
  const start = pickIndex(items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
