import type { SwarmService, TaskObject } from "../swarm/swarm-objects.ts";

/** The states of a task in their order, as swarmkit's. */
const stateOrder = [
  ...["new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running"],
  ...["complete", "shutdown", "failed", "rejected"],
];
const orderOf = (state: string): number => stateOrder.indexOf(state);
const lastLive = orderOf("running");

/**
 * Whether all tasks that a service should have are running, as the docker CLI shows progress: `tasks` are those of the newest
 * spec with desired state running or accepted, `activeNodes` the nodes that are not down.
 */
export function isConverged(
  { replicas }: SwarmService,
  tasks: readonly TaskObject[],
  activeNodes: ReadonlySet<string>,
): boolean {
  if (replicas === undefined) return isGlobalConverged(tasks, activeNodes);
  const onActiveNodes = tasks.filter(({ NodeID }) => !NodeID || activeNodes.has(NodeID));
  const slots = newestBy(onActiveNodes, ({ Slot }) => String(Slot));
  return slots.filter(isRunning).length === replicas;
}

/** The orchestrator makes the tasks of all nodes at once, so the nodes that have one are those that should. */
function isGlobalConverged(tasks: readonly TaskObject[], activeNodes: ReadonlySet<string>): boolean {
  const ofNodes = newestBy(tasks, ({ NodeID }) => NodeID ?? "");
  return ofNodes.length > 0 && ofNodes.every((task) => isRunning(task) && activeNodes.has(task.NodeID ?? ""));
}

const isRunning = ({ DesiredState, Status }: TaskObject): boolean =>
  orderOf(DesiredState) <= lastLive && Status.State === "running";

/** Of several tasks in one place the one with the lowest desired state, then the lowest state: the others are leaving. */
function newestBy(tasks: readonly TaskObject[], place: (task: TaskObject) => string): readonly TaskObject[] {
  const newest = new Map<string, TaskObject>();
  for (const task of tasks) {
    const other = newest.get(place(task));
    if (!other || rankOf(task) < rankOf(other)) newest.set(place(task), task);
  }
  return [...newest.values()];
}

const rankOf = ({ DesiredState, Status }: TaskObject): number =>
  orderOf(DesiredState) * stateOrder.length + orderOf(Status.State);

const abandoned = new Set(["paused", "rollback_paused", "rollback_completed"]);

/** Watches one version of a service until its tasks have been running for as long as its update watches them. */
export class Settling {
  #state: "waiting" | "settled" | "abandoned" = "waiting";
  #runningSinceMs: number | undefined;

  get state(): "waiting" | "settled" | "abandoned" {
    return this.#state;
  }

  /** Running now is proof enough. */
  trust(): void {
    this.#state = "settled";
  }

  /** An update that was finished before anybody looked needs no further proof; one that was stopped will not converge. */
  look(service: SwarmService, converged: boolean, nowMs: number): void {
    if (this.#state !== "waiting") return;
    if (this.#runningSinceMs === undefined && abandoned.has(service.updateState)) this.#state = "abandoned";
    else if (!converged) this.#runningSinceMs = undefined;
    else if (service.updateState === "completed" && this.#runningSinceMs === undefined) this.#state = "settled";
    else {
      this.#runningSinceMs ??= nowMs;
      if (nowMs - this.#runningSinceMs >= service.monitorMs) this.#state = "settled";
    }
  }
}
