import type { Readable } from "node:stream";
import {
  type ContainerDetails,
  type ContainerSummary,
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineInfo,
  EngineUnavailable,
  type EngineVersion,
  type ImageDetails,
} from "@skep/engine";
import type { Clock } from "@skep/model";
import {
  describeContainer,
  detailsOf,
  type FakeContainer,
  type FakeContainerConfig,
  hasHealthcheck,
  hostPorts,
} from "./fake-container.ts";
import { FakeEngineEvents, hasLabel } from "./fake-engine-events.ts";
import { FakeLogStreams } from "./fake-engine-log.ts";

export type { FakeContainer } from "./fake-container.ts";

export interface FakeEngineOptions {
  readonly clock: Clock;
  /** Present at the start; default `alpine:latest`. */
  readonly images?: readonly string[];
  readonly info?: Partial<EngineInfo>;
}

/**
 * An engine whose containers do nothing but keep their state. `calls` has what it was asked, one line each;
 * `String(engine)` what it holds. Faults are put in with `before` and `after`.
 */
export class FakeEngine implements Engine {
  readonly calls: string[] = [];
  readonly containers = new Map<string, FakeContainer>();
  readonly volumes = new Map<string, Readonly<Record<string, unknown>>>();
  /** Images on this node: reference to id. */
  readonly images = new Map<string, string>();
  /** Images that can be pulled: reference to the id that the pull brings. */
  readonly registry = new Map<string, string>();
  /** Called with the line of `calls` before anything happens; may wait or throw. */
  before: (call: string) => void | Promise<void> = () => {};
  /** Called when the call has taken effect, before it answers; may wait or throw. */
  after: (call: string) => void | Promise<void> = () => {};
  /** How a container reacts to its stop signal; `undefined` ignores it, so that SIGKILL ends it (137). */
  onStopSignal: (container: FakeContainer) => { exitCode: number; afterMs?: number } | undefined = () => ({
    exitCode: 0,
  });
  /** False: pulls fail as they do without a network. */
  registryReachable = true;
  /** How long a pull takes after the registry's answer. */
  downloadMs = 0;
  /** False: nothing answers, and event streams break. */
  #available = true;
  #created = 0;
  readonly #clock: Clock;
  readonly #info: EngineInfo;
  readonly #events = new FakeEngineEvents();
  readonly #logs = new FakeLogStreams();
  readonly #deaths = new Map<string, Set<() => void>>();

  constructor({ clock, images = ["alpine:latest"], info }: FakeEngineOptions) {
    this.#clock = clock;
    for (const image of images) this.images.set(image, `sha256:${image}`);
    this.#info = { ...defaultInfo, ...info };
  }

  version(): Promise<EngineVersion> {
    return this.#call("version", () => ({ Version: this.#info.ServerVersion, ApiVersion: "1.41" }));
  }

  info(): Promise<EngineInfo> {
    return this.#call("info", () => this.#info);
  }

  listContainers({ all = false, labels = [] }: { all?: boolean; labels?: readonly string[] }) {
    return this.#call(`list${all ? " all" : ""}`, (): readonly ContainerSummary[] =>
      [...this.containers.values()]
        .filter(({ status }) => all || status === "running")
        .filter(({ config }) => labels.every((label) => hasLabel(config.Labels ?? {}, label)))
        .map(({ id, name, config, status }) => ({
          Id: id,
          Names: [`/${name}`],
          Labels: config.Labels ?? {},
          State: status,
        })),
    );
  }

  inspectContainer(id: string): Promise<ContainerDetails> {
    return this.#call(`inspect ${this.#nameOf(id)}`, () => detailsOf(this.container(id)));
  }

  createContainer(name: string, body: Readonly<Record<string, unknown>>): Promise<{ readonly Id: string }> {
    const config = body as FakeContainerConfig;
    const image = config.Image ?? "";
    return this.#call(`create ${name} ${image}`, () => {
      const other = [...this.containers.values()].find((container) => container.name === name);
      if (other) throw new EngineError(409, nameConflict(name, other.id));
      const imageId = this.images.get(image);
      if (imageId === undefined) throw new EngineError(404, `No such image: ${image}`);
      const container = newContainer(++this.#created, name, config, imageId);
      this.containers.set(container.id, container);
      this.#emit(container, "create");
      return { Id: container.id };
    });
  }

  startContainer(id: string): Promise<void> {
    return this.#call(`start ${this.#nameOf(id)}`, () => {
      const container = this.container(id);
      if (container.status === "running") return;
      const taken = [...this.containers.values()].filter(({ status }) => status === "running");
      const port = hostPorts(container.config).find((mine) =>
        taken.some((other) => hostPorts(other.config).includes(mine)),
      );
      if (port) throw new EngineError(500, portConflict(container.name, port));
      container.status = "running";
      container.starts++;
      container.pid = 1000 + this.#created + container.starts;
      container.exitCode = 0;
      container.startedAtMs = this.#clock.now();
      container.health = hasHealthcheck(container.config) ? "starting" : undefined;
      this.#emit(container, "start");
    });
  }

  stopContainer(id: string, graceSeconds: number): Promise<void> {
    return this.#call(`stop ${this.#nameOf(id)} ${graceSeconds}s`, async () => {
      const container = this.container(id);
      if (container.status !== "running") return;
      this.#emit(container, "kill", { signal: "15" });
      const reaction = this.onStopSignal(container);
      const graceMs = graceSeconds < 0 ? Number.POSITIVE_INFINITY : graceSeconds * 1000;
      const killed = !reaction || (reaction.afterMs ?? 0) > graceMs;
      await this.#diesWithin(container, killed ? graceMs : (reaction.afterMs ?? 0));
      if (container.status === "running") this.exit(id, killed ? 137 : reaction.exitCode);
      this.#emit(container, "stop");
    });
  }

  removeContainer(id: string, { force = false }: { force?: boolean } = {}): Promise<void> {
    return this.#call(`remove ${this.#nameOf(id)}${force ? " forced" : ""}`, () => {
      const container = this.#find(id);
      if (!container) return;
      if (container.status === "running" && !force) {
        throw new EngineError(409, `You cannot remove a running container ${container.id}.`);
      }
      this.destroy(container.id);
    });
  }

  containerLogs(id: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Readable> {
    return this.#call(`logs ${this.#nameOf(id)}`, () => this.#logs.open(this.container(id), query, signal));
  }

  inspectImage(reference: string): Promise<ImageDetails | undefined> {
    return this.#call(`image ${reference}`, () => {
      const id = this.images.get(reference);
      return id === undefined ? undefined : { Id: id, RepoDigests: [] };
    });
  }

  pullImage(
    reference: string,
    registryAuth: string | undefined,
    signal: AbortSignal,
    onAnswer?: () => void,
  ): Promise<void> {
    return this.#call(`pull ${reference}${registryAuth === undefined ? "" : ` as ${registryAuth}`}`, async () => {
      signal.throwIfAborted();
      if (!this.registryReachable) throw new EngineError(500, "Get https://registry-1.docker.io/v2/: no such host");
      const id = this.registry.get(reference);
      if (id === undefined) throw new EngineError(404, `manifest for ${reference} not found: manifest unknown`);
      onAnswer?.();
      if (this.downloadMs > 0) await new Promise<void>((resolve) => this.#clock.after(this.downloadMs, resolve));
      signal.throwIfAborted();
      this.images.set(reference, id);
    });
  }

  createVolume(body: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#call(`volume ${String(body.Name)}`, () => {
      if (!this.volumes.has(String(body.Name))) this.volumes.set(String(body.Name), body);
    });
  }

  async *events(
    filters: Readonly<Record<string, readonly string[]>>,
    signal: AbortSignal,
    since?: string,
  ): AsyncIterable<EngineEvent> {
    await this.#call("events", () => {});
    yield* this.#events.stream(filters, signal, since);
  }

  /** The container with this id, name, or `com.docker.swarm.task.id`; throws Docker's 404. */
  container(wanted: string): FakeContainer {
    const container = this.#find(wanted);
    if (!container) throw new EngineError(404, `No such container: ${wanted}`);
    return container;
  }

  /** The container's process ends by itself. */
  exit(wanted: string, exitCode: number): void {
    const container = this.container(wanted);
    container.status = "exited";
    container.exitCode = exitCode;
    container.pid = 0;
    container.finishedAtMs = this.#clock.now();
    for (const tell of this.#deaths.get(container.id) ?? []) tell();
    this.#logs.close(container);
    this.#emit(container, "die", { exitCode: String(exitCode) });
  }

  /** `docker rm -f`. */
  destroy(wanted: string): void {
    const container = this.container(wanted);
    if (container.status === "running") this.exit(container.id, 137);
    this.containers.delete(container.id);
    this.#emit(container, "destroy");
  }

  setHealth(wanted: string, health: "healthy" | "unhealthy"): void {
    const container = this.container(wanted);
    container.health = health;
    this.#emit(container, `health_status: ${health}`);
  }

  /** The container prints a line. */
  print(wanted: string, text: string, stream: "stdout" | "stderr" = "stdout"): void {
    this.#logs.write(this.container(wanted), { stream, text, atMs: this.#clock.now() });
  }

  /** The engine is gone (`false`) or back; containers are not touched, as with live-restore. */
  setAvailable(available: boolean): void {
    this.#available = available;
    if (!available) this.#events.breakStreams();
  }

  /** How many event streams are open. */
  get eventStreams(): number {
    return this.#events.open;
  }

  /** One line for each container, by name. */
  lines(): string[] {
    return [...this.containers.values()].map(describeContainer).sort();
  }

  toString(): string {
    return this.lines().join("\n");
  }

  async #call<T>(call: string, effect: () => T | Promise<T>): Promise<T> {
    this.calls.push(call);
    await this.before(call);
    this.#mustBeAvailable();
    const result = await effect();
    await this.after(call);
    this.#mustBeAvailable();
    return result;
  }

  #mustBeAvailable(): void {
    if (!this.#available) throw new EngineUnavailable("Cannot connect to the Docker daemon. Is the daemon running?");
  }

  #find(wanted: string): FakeContainer | undefined {
    const all = this.containers;
    const byName = ({ name, config }: FakeContainer) =>
      name === wanted || config.Labels?.["com.docker.swarm.task.id"] === wanted;
    return all.get(wanted) ?? [...all.values()].find(byName);
  }

  #nameOf(id: string): string {
    return this.#find(id)?.name ?? id;
  }

  /** Resolves when the container has ended or the time is over. */
  #diesWithin({ id }: FakeContainer, ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#deaths.get(id) ?? new Set();
      this.#deaths.set(id, waiting);
      const cancel = this.#clock.after(Number.isFinite(ms) ? ms : 1e12, () => done());
      const done = () => {
        cancel();
        waiting.delete(done);
        resolve();
      };
      waiting.add(done);
    });
  }

  #emit({ id, name, config }: FakeContainer, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    const nowMs = this.#clock.now();
    this.#events.emit({
      Type: "container",
      Action: action,
      Actor: { ID: id, Attributes: { ...config.Labels, ...attributes, image: config.Image ?? "", name } },
      time: Math.floor(nowMs / 1000),
      timeNano: nowMs * 1e6,
    });
  }
}

const newContainer = (n: number, name: string, config: FakeContainerConfig, imageId: string): FakeContainer => ({
  id: n.toString(16).padStart(12, "c").padEnd(64, "0"),
  name,
  config,
  imageId,
  status: "created",
  starts: 0,
  pid: 0,
  exitCode: 0,
  error: "",
  health: undefined,
  startedAtMs: undefined,
  finishedAtMs: undefined,
  log: [],
});

const nameConflict = (name: string, id: string) =>
  `Conflict. The container name "/${name}" is already in use by container "${id}". ` +
  "You have to remove (or rename) that container to be able to reuse that name.";

const portConflict = (name: string, port: string) =>
  `driver failed programming external connectivity on endpoint ${name}: ` +
  `Bind for 0.0.0.0:${port.split("/")[0]} failed: port is already allocated`;

const defaultInfo: EngineInfo = {
  Name: "node-1",
  NCPU: 2,
  MemTotal: 8_000_000_000,
  Architecture: "x86_64",
  OSType: "linux",
  ServerVersion: "20.10.24",
  Labels: [],
  Plugins: { Volume: ["local"], Network: ["bridge", "host", "null"], Authorization: null, Log: ["local", "json-file"] },
};
