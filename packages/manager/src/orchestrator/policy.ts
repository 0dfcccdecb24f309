import {
  millisecondsOf,
  type Service,
  type ServiceSpec,
  type Task,
  type TaskSpec,
  type UpdateConfig,
} from "@skep/model";

/** Defaults of a service that says nothing (`swarm-api.md` section 5.2). */
const defaultRestartDelayMs = 5_000;
const defaultMonitorMs = 5_000;

/** How an update goes on, with Docker's defaults filled in. */
export interface UpdatePolicy {
  /** How many slots are worked on at once; `Infinity` for Docker's 0. */
  readonly parallelism: number;
  /** How long a worker rests after each slot. */
  readonly delayMs: number;
  /** How long a failure after the start counts as one of the update. */
  readonly monitorMs: number;
  readonly maxFailureRatio: number;
  readonly failureAction: "pause" | "continue" | "rollback";
  readonly order: "stop-first" | "start-first";
}

/** The policy in force: that for rollbacks while one is on its way. */
export function updatePolicy(service: Service): UpdatePolicy {
  const state = service.updateStatus?.state;
  const config: UpdateConfig = (state === "rollback_started" || state === "rollback_paused"
    ? service.spec.RollbackConfig
    : service.spec.UpdateConfig) ?? { Parallelism: 1 };
  const delayMs = millisecondsOf(config.Delay ?? 0);
  const monitorMs = config.Monitor ? millisecondsOf(config.Monitor) : defaultMonitorMs;
  return {
    parallelism: config.Parallelism || Number.POSITIVE_INFINITY,
    delayMs,
    monitorMs: delayMs >= monitorMs ? delayMs + 1_000 : monitorMs,
    maxFailureRatio: config.MaxFailureRatio ?? 0,
    failureAction: config.FailureAction || "pause",
    order: config.Order || "stop-first",
  };
}

/** How long a task made in place of one that ended waits before it starts. */
export function restartDelayMs({ RestartPolicy: policy }: TaskSpec): number {
  return policy?.Delay === undefined ? defaultRestartDelayMs : millisecondsOf(policy.Delay);
}

/** Tasks to keep per slot, the current one included (`swarm-api.md` section 12); never none, as the newest tells what became of the slot. */
export function historyLength(spec: ServiceSpec, clusterLimit: number): number {
  if (clusterLimit < 0) return Number.POSITIVE_INFINITY;
  const attempts = spec.TaskTemplate.RestartPolicy?.MaxAttempts ?? 0;
  return attempts > 0 ? attempts + 1 : Math.max(clusterLimit, 1);
}

export const isGlobal = (service: Service): boolean => service.spec.Mode?.Global !== undefined;

/** Undefined for a service without replicas: a global one, or a job. */
export function replicasOf({ Mode: mode }: ServiceSpec): number | undefined {
  if (mode?.Global || mode?.ReplicatedJob || mode?.GlobalJob) return undefined;
  return mode?.Replicated?.Replicas ?? 1;
}

/** Whether the restart policy lets a task that ended or is taken away be followed by another at all. */
export function conditionAllows({ spec, status }: Task): boolean {
  const condition = spec.RestartPolicy?.Condition || "any";
  return condition === "any" || (condition === "on-failure" && status.state !== "complete");
}

/**
 * Whether a task that ended may be restarted, swarmkit's `shouldRestart`. `slotTasks` are all that is known of the
 * slot: its restarts of the task's service version are counted, with a `Window` those within it before the task's end.
 */
export function mayRestart(task: Task, slotTasks: readonly Task[]): boolean {
  if (!conditionAllows(task)) return false;
  const { MaxAttempts: attempts = 0, Window: window = 0 } = task.spec.RestartPolicy ?? {};
  if (attempts === 0) return true;
  const since = window === 0 ? 0 : Date.parse(task.status.timestamp) - millisecondsOf(window);
  const restarts = slotTasks.filter(
    (other) =>
      other.cause === "restart" && other.specVersion === task.specVersion && Date.parse(other.createdAt) >= since,
  );
  return restarts.length < attempts;
}

/**
 * A rollback runs slots again whose last task may not be restarted, so that it always leads to a service that is whole,
 * as swarmkit's does; each of them once.
 */
export const mustRunAgain = (slotTasks: readonly Task[], { updateStatus, specVersion }: Service): boolean =>
  updateStatus?.state === "rollback_started" && !slotTasks.some((task) => task.specVersion === specVersion);
