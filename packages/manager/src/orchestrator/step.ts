import { type NodeId, type Service, type Task, unreachable } from "@skep/model";

/** Why a task must end. */
export type StopReason =
  | "ended"
  | "node-lost"
  | "node-drained"
  | "node-unsuitable"
  | "outdated"
  | "surplus"
  | "scaled-down"
  | "service-removed";

/** One change to the objects of a service. Applying a step twice does no more than applying it once. */
export type Step = TaskStep | ServiceStep;

export type TaskStep =
  | CreateStep
  /** A task that was only to be prepared may run. */
  | { readonly do: "start"; readonly task: Task }
  /** Ends a task whose slot goes on; it stays as history. */
  | { readonly do: "shutdown"; readonly task: Task; readonly reason: StopReason }
  /** Ends a task for good: it is deleted once its node says that it has stopped. */
  | { readonly do: "remove"; readonly task: Task; readonly reason: StopReason }
  | { readonly do: "delete"; readonly task: Task }
  /** Ends a task of which nothing will be heard any more: its node has been down for too long. */
  | { readonly do: "orphan"; readonly task: Task };

export interface CreateStep {
  readonly do: "create";
  /** 0 for global services. */
  readonly slot: number;
  /** Global services only. */
  readonly nodeId?: NodeId;
  readonly cause: Task["cause"];
  /** `ready`: prepared at once, and started later. */
  readonly desired: "ready" | "running";
}

/** Writes the service: where its update stands and, with a rollback, its spec. */
export interface ServiceStep {
  readonly do: "write-service";
  readonly service: Service;
  readonly rolledBack: boolean;
}

/** A step as a line of a plan: `+` makes, `>` starts, `-` ends, `x` removes or deletes, `=` writes the service. */
export function describeStep(step: Step): string {
  switch (step.do) {
    case "create": {
      const place = step.nodeId ? `node ${step.nodeId}` : `slot ${step.slot}`;
      return `+ ${place} (${step.cause}${step.desired === "ready" ? ", ready" : ""})`;
    }
    case "start":
      return `> task ${step.task.id}`;
    case "shutdown":
      return `- task ${step.task.id} (${step.reason})`;
    case "remove":
      return `x task ${step.task.id} (${step.reason})`;
    case "delete":
      return `x task ${step.task.id}`;
    case "orphan":
      return `- task ${step.task.id} (orphaned)`;
    case "write-service": {
      const status = step.service.updateStatus;
      return `= ${status?.state}: ${status?.message}${step.rolledBack ? ", back to the previous spec" : ""}`;
    }
    default:
      return unreachable(step);
  }
}
