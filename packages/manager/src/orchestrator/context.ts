import { isTerminal, type Node, type NodeId, type Service, type Task } from "@skep/model";
import { compareToService } from "./outdated.ts";
import { historyLength, type UpdatePolicy, updatePolicy } from "./policy.ts";
import { isLive, isUnassigned } from "./slot.ts";

/** All that a plan for one service depends on, besides the time. */
export interface ServiceView {
  /** Undefined once it has been removed; its tasks are still there until they have stopped. */
  readonly service: Service | undefined;
  /** Of this service only; whole slots. */
  readonly tasks: readonly Task[];
  node(id: NodeId): Node | undefined;
  /** All nodes of the cluster; asked for by global services only. */
  nodes(): Iterable<Node>;
  /** The cluster's `TaskHistoryRetentionLimit`. */
  readonly historyLimit: number;
}

/** What the rules for single slots ask about. */
export interface Context {
  readonly service: Service;
  readonly policy: UpdatePolicy;
  readonly now: number;
  /** Tasks to keep per slot, the current one included. */
  readonly historyLength: number;
  /** An update or a rollback is on its way. */
  readonly updating: boolean;
  node(id: NodeId): Node | undefined;
  isOutdated(task: Task): boolean;
}

export function contextOf(view: ServiceView, service: Service, now: number): Context {
  const comparisons = new Map<number, (node: Node | undefined) => boolean>();
  const state = service.updateStatus?.state;
  return {
    service,
    policy: updatePolicy(service),
    now,
    historyLength: historyLength(service.spec, view.historyLimit),
    updating: state === "updating" || state === "rollback_started",
    node: (id) => view.node(id),
    isOutdated(task) {
      const known = comparisons.get(task.specVersion);
      const isOutdated = known ?? compareToService(service, task);
      if (!known) comparisons.set(task.specVersion, isOutdated);
      return isOutdated(task.nodeId && view.node(task.nodeId));
    },
  };
}

/** After so long a silence of its node a task counts as gone (`swarm-api.md` section 18). */
const orphanAfterMs = 24 * 3_600_000;

type Place = Pick<Context, "node" | "now">;

/** What became of the node a task is on, as far as it matters for the task. */
export type Whereabouts = "unassigned" | "reachable" | "drained" | "down" | "dead" | "removed";

export function whereabouts({ nodeId }: Task, { node: lookUp, now }: Place): Whereabouts {
  if (!nodeId) return "unassigned";
  const node = lookUp(nodeId);
  if (!node) return "removed";
  if (node.status.state !== "down") return node.spec.Availability === "drain" ? "drained" : "reachable";
  return node.status.since && now - Date.parse(node.status.since) >= orphanAfterMs ? "dead" : "down";
}

/** Of a task that nobody wants any more: true when nothing of it can be running, so that it may be forgotten. */
export function isOver(task: Task, place: Place): boolean {
  if (isTerminal(task.status.state) || isUnassigned(task)) return true;
  const where = whereabouts(task, place);
  return where === "removed" || where === "dead";
}

/** True while its container may still be running where we could hear of its end; what waits for that then waits. */
export const isStopping = (task: Task, place: Place): boolean =>
  !isLive(task) && !isOver(task, place) && whereabouts(task, place) !== "down";
