import type { ContainerDetails } from "@skep/engine";
import type { PortConfig } from "@skep/model";

/** What the agent looks at in a task's container. */
export interface ContainerState {
  readonly id: string;
  /** `ended` also when it never ran because its start failed half way. */
  readonly phase: "created" | "running" | "ended";
  readonly pid: number;
  readonly exitCode: number;
  /** The engine's words about a failed start; empty otherwise. */
  readonly error: string;
  /** `none`: it has no health check. The last one known stays when the container has ended. */
  readonly health: "none" | "starting" | "healthy" | "unhealthy";
  /** RFC 3339; undefined when it has never run. */
  readonly startedAt?: string;
  /** Host ports, IPv4 and IPv6 bindings as the engine lists them. */
  readonly ports: readonly PortConfig[];
}

/** A container that was just made; saves looking at it. */
export const createdContainer = (id: string): ContainerState => ({
  id,
  phase: "created",
  pid: 0,
  exitCode: 0,
  error: "",
  health: "none",
  ports: [],
});

/** The engine's words for a container's state, in its list as in its details. */
export function phaseOf(status: string): ContainerState["phase"] {
  if (status === "created") return "created";
  return status === "running" || status === "paused" || status === "restarting" ? "running" : "ended";
}

export function stateOfContainer({ Id, State, NetworkSettings }: ContainerDetails): ContainerState {
  const never = State.StartedAt.startsWith("0001-");
  return {
    id: Id,
    phase: phaseOf(State.Status),
    pid: State.Pid,
    exitCode: State.ExitCode,
    error: State.Error,
    health: State.Health?.Status ?? "none",
    ...(!never && { startedAt: State.StartedAt }),
    ports: boundPorts(NetworkSettings.Ports ?? {}),
  };
}

function boundPorts(ports: NonNullable<ContainerDetails["NetworkSettings"]["Ports"]>): PortConfig[] {
  const bound = Object.entries(ports).flatMap(([target, bindings]) => {
    const [port, protocol] = target.split("/");
    return (bindings ?? []).map(
      ({ HostPort }): PortConfig => ({
        Protocol: protocol === "udp" || protocol === "sctp" ? protocol : "tcp",
        TargetPort: Number(port),
        PublishedPort: Number(HostPort),
        PublishMode: "host",
      }),
    );
  });
  return bound.sort(
    (a, b) => (a.TargetPort ?? 0) - (b.TargetPort ?? 0) || (a.PublishedPort ?? 0) - (b.PublishedPort ?? 0),
  );
}
