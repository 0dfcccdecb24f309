import { compareTaskStates, isTerminal, type TaskState, type TaskStatus, unreachable } from "@skep/model";
import type { ContainerState } from "./container-state.ts";

/** All that decides what to do next for a task. */
export interface TaskView {
  readonly desired: TaskState;
  /** False once the task has left this node's assignments: what is left of it goes. */
  readonly assigned: boolean;
  /** As last reported, or as the manager knows it if that is further. */
  readonly status: TaskStatus;
  /** Undefined: there is none. */
  readonly container: ContainerState | undefined;
  /** The spec has a health check. */
  readonly healthcheck: boolean;
  /** Why no container can be made from the spec. */
  readonly invalid: string | undefined;
  /** The image has been pulled, or need not be. */
  readonly pulled: boolean;
}

/** One step of a task. Applying a step twice does no more than applying it once. */
export type TaskStep =
  | { readonly do: "report"; readonly state: TaskState; readonly message: string; readonly err?: string }
  | { readonly do: "pull" }
  | { readonly do: "create" }
  | { readonly do: "start" }
  | { readonly do: "stop" }
  | { readonly do: "remove" }
  /** Nothing is left of the task. */
  | { readonly do: "forget" }
  /** Nothing to do until something changes. */
  | { readonly do: "wait" };

const wait: TaskStep = { do: "wait" };

/** The next step towards what is desired of the task; states and messages as swarmkit's `agent/exec/controller.go`. */
export function planTask(view: TaskView): TaskStep {
  const { container, status } = view;
  if (!view.assigned) return planRemoval(container);
  if (isTerminal(status.state)) return container?.phase === "running" ? { do: "stop" } : wait;
  if (isTerminal(view.desired)) return planShutdown(container);
  if (compareTaskStates(status.state, "running") >= 0) return planRunning(view);
  if (compareTaskStates(status.state, "starting") >= 0) return planStarting(view);
  if (compareTaskStates(status.state, "ready") >= 0) return planReady(view);
  if (compareTaskStates(status.state, "preparing") >= 0) return planPreparing(view);
  if (view.invalid !== undefined) {
    return { do: "report", state: "rejected", message: "resolving controller failed", err: view.invalid };
  }
  return status.state === "accepted"
    ? { do: "report", state: "preparing", message: "preparing" }
    : { do: "report", state: "accepted", message: "accepted" };
}

/** As an operator reads it: `report failed (started): task: non-zero exit (3)`. */
export function describeStep(step: TaskStep): string {
  switch (step.do) {
    case "report":
      return `report ${step.state} (${step.message})${step.err === undefined ? "" : `: ${step.err}`}`;
    case "pull":
    case "create":
    case "start":
    case "stop":
    case "remove":
    case "forget":
    case "wait":
      return step.do;
    default:
      return unreachable(step);
  }
}

function planRemoval(container: ContainerState | undefined): TaskStep {
  if (!container) return { do: "forget" };
  return { do: container.phase === "running" ? "stop" : "remove" };
}

/** An end that was asked for is `shutdown`, whatever the exit code. */
function planShutdown(container: ContainerState | undefined): TaskStep {
  if (container?.phase === "running") return { do: "stop" };
  return { do: "report", state: "shutdown", message: "shutdown" };
}

function planPreparing({ container, invalid, pulled, status }: TaskView): TaskStep {
  if (invalid !== undefined) return { do: "report", state: "rejected", message: status.message, err: invalid };
  if (container) return { do: "report", state: "ready", message: "prepared" };
  return { do: pulled ? "create" : "pull" };
}

/** Desired `ready` holds the container until its predecessor has stopped. */
function planReady(view: TaskView): TaskStep {
  if (!view.container) return planPreparing(view);
  if (compareTaskStates(view.desired, "ready") <= 0) return wait;
  return { do: "report", state: "starting", message: "starting" };
}

function planStarting(view: TaskView): TaskStep {
  const { container, healthcheck } = view;
  if (container?.phase === "created") return { do: "start" };
  if (container?.phase === "running" && container.health === "starting") return wait;
  if (container?.health === "unhealthy") return planRunning(view);
  const gated = healthcheck || container?.health !== "none"; // an image may bring a health check of its own
  if (container && (container.phase === "running" || !gated || container.exitCode === 0)) {
    return { do: "report", state: "running", message: "started" };
  }
  return planRunning(view);
}

function planRunning({ container, status }: TaskView): TaskStep {
  if (container?.phase === "running") return container.health === "unhealthy" ? { do: "stop" } : wait;
  if (container?.phase === "ended" && container.exitCode === 0 && container.health !== "unhealthy") {
    return { do: "report", state: "complete", message: "finished" };
  }
  return { do: "report", state: "failed", message: status.message, err: exitError(container) };
}

/** A container that was removed by hand counts as killed. */
function exitError(container: ContainerState | undefined): string {
  if (container?.phase !== "ended") return "task: non-zero exit (137)";
  const cause = container.health === "unhealthy" ? "dockerexec: unhealthy container" : container.error;
  return `task: non-zero exit (${container.exitCode})${cause === "" ? "" : `: ${cause}`}`;
}
