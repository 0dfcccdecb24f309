import type { Readable } from "node:stream";

/** The local Docker Engine, as far as skep's agent uses it. `HttpEngine` is the real one, testkit has a fake. */
export interface Engine {
  version(signal?: AbortSignal): Promise<EngineVersion>;
  info(signal?: AbortSignal): Promise<EngineInfo>;
  listContainers(query: { all?: boolean; labels?: readonly string[] }): Promise<readonly ContainerSummary[]>;
  inspectContainer(id: string): Promise<ContainerDetails>;
  /** Body as the Engine API's `POST /containers/create`. */
  createContainer(name: string, config: Readonly<Record<string, unknown>>): Promise<{ readonly Id: string }>;
  startContainer(id: string): Promise<void>;
  /** Sends the stop signal, after `graceSeconds` SIGKILL; resolves when it has stopped. Stopped already: no error. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  /** With `force` also a running one; its anonymous volumes go with it. Gone already: no error. */
  removeContainer(id: string, options?: { force?: boolean }): Promise<void>;
  /** The engine's own multiplexed (or, with a TTY, raw) stream, as `GET /containers/{id}/logs` sends it. */
  containerLogs(id: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Readable>;
  /** Undefined when the image is not present. */
  inspectImage(reference: string): Promise<ImageDetails | undefined>;
  /**
   * Rejects with the registry's words. `registryAuth` is the X-Registry-Auth header; `onAnswer` is called once the
   * registry has answered, which may be long before the download is complete.
   */
  pullImage(
    reference: string,
    registryAuth: string | undefined,
    signal: AbortSignal,
    onAnswer?: () => void,
  ): Promise<void>;
  createVolume(body: Readonly<Record<string, unknown>>): Promise<void>;
  /** Events from now on (or from `since`, Unix seconds), until `signal` aborts or the engine goes away (throws). */
  events(
    filters: Readonly<Record<string, readonly string[]>>,
    signal: AbortSignal,
    since?: string,
  ): AsyncIterable<EngineEvent>;
}

/** An answer of the engine with an error status: its message, unchanged. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Nothing answers on the engine's socket. */
export class EngineUnavailable extends Error {
  override readonly name = "EngineUnavailable";
}

export interface EngineVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
}

export interface EngineInfo {
  readonly Name: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly Architecture: string;
  readonly OSType: string;
  readonly ServerVersion: string;
  readonly Labels?: readonly string[] | null;
  readonly Plugins?: Readonly<Record<string, readonly string[] | null>>;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  readonly DefaultRuntime?: string;
  readonly Swarm?: { readonly LocalNodeState?: string };
}

export interface ContainerSummary {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly State: string;
}

export interface ContainerDetails {
  readonly Id: string;
  readonly Name: string;
  readonly State: {
    readonly Status: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
    readonly Running: boolean;
    readonly OOMKilled?: boolean;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly Error: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: { readonly Status: "none" | "starting" | "healthy" | "unhealthy" };
  };
  readonly Config: {
    readonly Labels: Readonly<Record<string, string>>;
    readonly Tty: boolean;
    readonly Hostname?: string;
  };
  readonly HostConfig?: { readonly NetworkMode?: string; readonly Runtime?: string };
  /** The engine's own files that it mounts into the container. */
  readonly ResolvConfPath?: string;
  readonly HostsPath?: string;
  readonly NetworkSettings: {
    /** The engine's own, by name. */
    readonly Networks?: Readonly<Record<string, unknown>>;
    readonly Ports?: Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>>;
  };
}

export interface ImageDetails {
  readonly Id: string;
  readonly RepoDigests?: readonly string[];
}

export interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly time: number;
  readonly timeNano: number;
}
