import type { ContainerDetails } from "@skep/engine";

/** As the engine's `POST /containers/create` body, as far as the fake looks at it. */
export interface FakeContainerConfig {
  readonly Image?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Tty?: boolean;
  readonly Healthcheck?: { readonly Test?: readonly string[] };
  readonly HostConfig?: {
    readonly PortBindings?: Readonly<Record<string, readonly { readonly HostPort?: string }[]>>;
    readonly NetworkMode?: string;
  };
}

export interface FakeLogLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  readonly atMs: number;
}

type Health = NonNullable<ContainerDetails["State"]["Health"]>["Status"];

/** A container of the fake engine; tests look at it, only the engine changes it. */
export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly config: FakeContainerConfig;
  /** What the image's name meant when the container was created. */
  readonly imageId: string;
  status: "created" | "running" | "exited";
  /** How often it was started: more than once means that a task was restarted in place. */
  starts: number;
  pid: number;
  exitCode: number;
  error: string;
  health: Health | undefined;
  startedAtMs: number | undefined;
  finishedAtMs: number | undefined;
  readonly log: FakeLogLine[];
}

export const hasHealthcheck = (config: FakeContainerConfig): boolean =>
  (config.Healthcheck?.Test?.length ?? 0) > 0 && config.Healthcheck?.Test?.[0] !== "NONE";

/** Host ports as `port/protocol`, of the kind two containers cannot both have. */
export const hostPorts = (config: FakeContainerConfig): string[] =>
  Object.entries(config.HostConfig?.PortBindings ?? {}).flatMap(([target, bindings]) =>
    bindings.flatMap(({ HostPort }) => (HostPort ? [`${HostPort}/${target.split("/")[1]}`] : [])),
  );

/** As `GET /containers/{id}/json`. */
export function detailsOf(container: FakeContainer): ContainerDetails {
  const running = container.status === "running";
  return {
    Id: container.id,
    Name: `/${container.name}`,
    State: {
      Status: container.status,
      Running: running,
      OOMKilled: false,
      Pid: container.pid,
      ExitCode: container.exitCode,
      Error: container.error,
      StartedAt: timeOf(container.startedAtMs),
      FinishedAt: timeOf(container.finishedAtMs),
      ...(container.health && { Health: { Status: container.health } }),
    },
    Config: { Labels: container.config.Labels ?? {}, Tty: container.config.Tty ?? false },
    HostConfig: { NetworkMode: container.config.HostConfig?.NetworkMode ?? "default" },
    NetworkSettings: { Ports: running ? boundPorts(container) : {} },
  };
}

const timeOf = (ms: number | undefined) => (ms === undefined ? "0001-01-01T00:00:00Z" : new Date(ms).toISOString());

/** The engine binds IPv4 and IPv6, and picks a port where none is given. */
function boundPorts({ config, pid }: FakeContainer) {
  const bound = Object.entries(config.HostConfig?.PortBindings ?? {}).map(([target, bindings], i) => [
    target,
    bindings.flatMap(({ HostPort }) =>
      ["0.0.0.0", "::"].map((HostIp) => ({ HostIp, HostPort: HostPort || String(32768 + pid + i) })),
    ),
  ]);
  return Object.fromEntries(bound);
}

/** One line for people: `web.1.t1 running (healthy) alpine:latest`, with the number of starts when it is odd. */
export function describeContainer({ name, status, exitCode, health, config, starts }: FakeContainer): string {
  const state = status === "exited" ? `exited ${exitCode}` : status;
  const healthy = status === "running" && health ? ` (${health})` : "";
  return `${name} ${state}${healthy} ${config.Image ?? "?"}${starts > 1 ? ` started ${starts} times` : ""}`;
}
