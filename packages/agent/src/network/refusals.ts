import type { ContainerDetails } from "@skep/engine";
import { DomainError } from "@skep/model";
import type { ContainerRecord } from "./container-record.ts";

/** Why a container cannot be put on an overlay network, in the engine's words; undefined when it can. */
export function whyUnconnectable(
  { Id, State, HostConfig }: ContainerDetails,
  record: ContainerRecord | undefined,
): DomainError | undefined {
  if (State.Status === "removing" || State.Status === "dead")
    return new DomainError(
      "conflict",
      `Container ${Id} is marked for removal and cannot be connected or disconnected to the network`,
    );
  if (record) return undefined; // its `none` is skep's doing
  const mode = HostConfig?.NetworkMode ?? "default";
  if (mode === "host" || mode.startsWith("container:"))
    return new DomainError(
      "invalid-parameter",
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  if (mode === "none")
    return new DomainError(
      "invalid-parameter",
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  return undefined;
}

export const wordsOf = {
  alreadyConnected: (container: string, network: string) =>
    new DomainError("forbidden", `endpoint with name ${container} already exists in network ${network}`),

  notConnected(containerId: string, network: string, record: ContainerRecord | undefined, isRunning: boolean) {
    const own = record?.taskId !== undefined && record.interfaces.some(({ taskId }) => taskId === record.taskId);
    return own
      ? new DomainError(
          "forbidden",
          `container ${containerId} is a task's: the networks of its service are changed with docker service update`,
        )
      : new DomainError(
          "internal",
          `container ${containerId} is not connected to ${isRunning ? "" : "the "}network ${network}`,
        );
  },
} as const;
