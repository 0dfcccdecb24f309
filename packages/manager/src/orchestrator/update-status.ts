import { type Service, type TaskId, timestamp, type UpdateStatus } from "@skep/model";

// Where an update stands, in Docker's words (`swarm-api.md` section 13); scripts and the CLI read them.

export const updateStarted = (service: Service, now: number): Service =>
  withStatus(service, { state: "updating", startedAt: timestamp(now), message: "update in progress" });

export function updateCompleted(service: Service, now: number): Service {
  const [state, message] = isRollback(service)
    ? (["rollback_completed", "rollback completed"] as const)
    : (["completed", "update completed"] as const);
  return withStatus(service, { ...startOf(service), state, completedAt: timestamp(now), message });
}

export function updatePaused(service: Service, failed: TaskId): Service {
  const [state, word] = isRollback(service)
    ? (["rollback_paused", "rollback"] as const)
    : (["paused", "update"] as const);
  return withStatus(service, { ...startOf(service), state, message: `${word} paused due to ${failureOf(failed)}` });
}

/** Back to the previous spec (its endpoint follows when it is written), which only a manual rollback keeps the other way round. Undefined when there is none. */
export function rolledBack(service: Service, failed: TaskId): Service | undefined {
  const { previousSpec: spec, previousRegistryAuth, registryAuth: _, ...kept } = service;
  if (!spec) return undefined;
  return withStatus(
    {
      ...kept,
      spec,
      specVersion: service.specVersion + 1,
      ...(previousRegistryAuth && { registryAuth: previousRegistryAuth }),
    },
    { ...startOf(service), state: "rollback_started", message: `update rolled back due to ${failureOf(failed)}` },
  );
}

const isRollback = ({ updateStatus }: Service) => updateStatus?.state === "rollback_started";

const failureOf = (task: TaskId) => `failure or early termination of task ${task}`;

const startOf = ({ updateStatus }: Service) => (updateStatus?.startedAt ? { startedAt: updateStatus.startedAt } : {});

const withStatus = (service: Service, updateStatus: UpdateStatus): Service => ({ ...service, updateStatus });
