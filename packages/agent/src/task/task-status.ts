import { compareTaskStates, isTerminal, type TaskStatus, timestamp } from "@skep/model";
import type { ContainerState } from "./container-state.ts";

type Change = Pick<TaskStatus, "state" | "message"> & { readonly err?: string | undefined };

/** The status that follows `status`; undefined when the change would lead backwards. */
export function nextStatus(
  status: TaskStatus,
  { state, message, err }: Change,
  container: ContainerState | undefined,
  nowMs: number,
): TaskStatus | undefined {
  if (isTerminal(status.state) || compareTaskStates(state, status.state) <= 0) return undefined;
  const now = timestamp(nowMs);
  const runningAt = status.runningAt ?? (state === "running" ? runningSince(container, now) : undefined);
  const ofContainer = containerStatus(status, state, container);
  return {
    state,
    timestamp: now,
    message,
    ...(err !== undefined && { err }),
    ...(ofContainer && { container: ofContainer }),
    ...(state === "running" && container && container.ports.length > 0 && { ports: container.ports }),
    ...(runningAt !== undefined && { runningAt }),
  };
}

/** A container with a health check counts from when it was healthy, others from their start. */
const runningSince = (container: ContainerState | undefined, now: string) =>
  container?.health === "none" ? (container.startedAt ?? now) : now;

/** Of a container that was removed by hand the id stays, with the exit code of a kill. */
function containerStatus(
  { container: last }: TaskStatus,
  state: TaskStatus["state"],
  container: ContainerState | undefined,
): TaskStatus["container"] {
  if (container) {
    return { id: container.id, pid: isTerminal(state) ? 0 : container.pid, exitCode: container.exitCode };
  }
  return last && { id: last.id, pid: 0, exitCode: state === "failed" ? 137 : (last.exitCode ?? 0) };
}

/** What is known of a task when both sides tell: the further state; `mine` when both are as far. */
export const furtherStatus = (mine: TaskStatus, managers: TaskStatus): TaskStatus =>
  !isTerminal(mine.state) && compareTaskStates(managers.state, mine.state) > 0 ? managers : mine;
