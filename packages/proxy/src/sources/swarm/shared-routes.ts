import { type Clock, DomainError, type Logger, pause } from "@skep/model";
import { BackOff } from "../back-off.ts";
import { Complaint } from "../complaint.ts";
import {
  isOverwritten,
  isSameRoutes,
  nextRecord,
  noRoutes,
  type RouteRecord,
  routesOf,
  withChanges,
  withRoutes,
} from "./route-labels.ts";
import { isStale, type SwarmClient } from "./swarm-client.ts";
import { type ServiceObject, type SwarmService, toSwarmService } from "./swarm-objects.ts";

export interface SharedRoutesOptions {
  /** The service that this process is a task of. */
  readonly serviceName: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a write waits for an update of that service to end; 2 minutes when not given. */
  readonly holdMs?: number;
  /** 0 to 1, so that replicas that collided do not meet again. */
  readonly random?: () => number;
}

const lookAgainMs = 1000;
/** Replicas that write at the same time take turns. */
const collisionMs = 40;
/** For what is not written yet when the process ends. */
const farewellMs = 3000;

/**
 * The routes that came by HTTP, kept as labels of the proxy's own service: every replica reads them with the service, none
 * restarts because of them, and they go with the service. Labels that were replaced from outside (a stack deployed again, a
 * rollback) are put back. A write made in the middle of an update would become what a failing update rolls back to, so it waits.
 */
export class SharedRoutes implements AsyncDisposable {
  readonly #client: SwarmClient;
  readonly #options: Required<SharedRoutesOptions>;
  readonly #backOff: BackOff;
  readonly #complaint: Complaint;
  readonly #closing = new AbortController();
  /** Not in the swarm yet. */
  readonly #changes = new Map<string, string | undefined>();
  #seen: RouteRecord = noRoutes;
  /** The own service: another one of the same name is not ours. */
  #id: string | undefined;
  /** What was read of it before this version is outdated. */
  #version = 0;
  #overwritten = false;
  #writing = false;
  /** Resolved while a write waits for an update of the own service. */
  #held = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #cancelRetry = (): void => {};

  constructor(client: SwarmClient, options: SharedRoutesOptions) {
    this.#client = client;
    this.#options = { holdMs: 120_000, random: Math.random, ...options };
    this.#backOff = new BackOff(options.clock, 1000, 30_000);
    this.#complaint = new Complaint(options.log, "routes cannot be shared through the swarm");
  }

  /** Query strings of `reconfigure` by service name: what the swarm holds, and what is on its way there. */
  get routes(): ReadonlyMap<string, string> {
    return withChanges(this.#seen.routes, this.#changes);
  }

  /** Takes in what a snapshot says of the own service. True when `routes` is another one now. */
  observe(own: SwarmService | undefined): boolean {
    if (!own || own.version <= this.#version || (this.#id !== undefined && own.id !== this.#id)) return false;
    const before = this.routes;
    this.#id = own.id;
    this.#version = own.version;
    const found = routesOf(own.labels);
    this.#overwritten = isOverwritten(found, this.#seen);
    if (!this.#overwritten) this.#seen = found;
    if (this.#unwritten && !this.#writing) this.#flush().catch(() => {});
    return !isSameRoutes(before, this.routes);
  }

  /**
   * Sets the route of a service, or removes it: in `routes` at once, in the swarm when this resolves. While the own service is
   * being updated it resolves at once, and the swarm has it once that is over. Rejects with a DomainError when the swarm cannot
   * be asked; that is tried again.
   */
  change(serviceName: string, query: string | undefined): Promise<void> {
    this.#changes.set(serviceName, query);
    return Promise.race([this.#flush(), this.#held.promise]);
  }

  /** Writes what is still to be written, for 3 s at most. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#cancelRetry();
    const patience = new AbortController();
    await Promise.race([
      this.#unwritten ? this.#flush().catch(() => {}) : this.#running,
      pause(this.#options.clock, farewellMs, patience.signal),
    ]);
    patience.abort();
    this.#cancelRetry();
  }

  get #unwritten(): boolean {
    return this.#overwritten || this.#changes.size > 0;
  }

  /** One write at a time; all changes that come while it runs are the next one. */
  #flush(): Promise<void> {
    if (this.#queued) return this.#queued;
    const write = this.#running.then(() => {
      this.#queued = undefined;
      return this.#write();
    });
    this.#queued = write;
    this.#running = write.catch((error) => this.#retryLater(error));
    return write;
  }

  #retryLater(error: unknown): void {
    this.#complaint.tell(error);
    this.#cancelRetry();
    if (this.#closing.signal.aborted) return;
    this.#cancelRetry = this.#options.clock.after(this.#backOff.nextMs(), () => void this.#flush().catch(() => {}));
  }

  async #write(): Promise<void> {
    const { clock, holdMs, random } = this.#options;
    const holdUntilMs = clock.now() + holdMs;
    this.#writing = true;
    try {
      while (this.#unwritten) {
        const own = await this.#readOwn();
        if (isBeingUpdated(own) && clock.now() < holdUntilMs && !this.#closing.signal.aborted) {
          this.#held.resolve();
          await pause(clock, lookAgainMs, this.#closing.signal);
        } else if (!(await this.#tryWrite(own))) {
          await pause(clock, collisionMs * random(), new AbortController().signal);
        }
      }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DomainError("unavailable", `the route is not shared with the other replicas: ${why}`, { cause });
    } finally {
      this.#writing = false;
      this.#held = Promise.withResolvers<void>();
    }
    this.#backOff.reset();
    this.#complaint.cured();
  }

  async #readOwn(): Promise<ServiceObject> {
    const { serviceName } = this.#options;
    const own = await this.#client.service(serviceName, new AbortController().signal);
    if (own?.Spec.Name !== serviceName)
      throw new Error(`no service ${serviceName} in the swarm; is SERVICE_NAME right?`);
    this.#id ??= own.ID;
    if (own.ID !== this.#id) throw new Error(`the service ${serviceName} is another one than this is a task of`);
    return own;
  }

  /** False when somebody else was quicker. */
  async #tryWrite(own: ServiceObject): Promise<boolean> {
    const taken = new Map(this.#changes);
    const labels = own.Spec.Labels ?? {};
    const found = routesOf(labels);
    const next = nextRecord(found, this.#seen, taken, markOf(this.#options.random()));
    if (next) {
      try {
        const spec = { ...own.Spec, Labels: withRoutes(labels, next) };
        await this.#client.updateService(own.ID, own.Version.Index, spec, new AbortController().signal);
      } catch (error) {
        if (isStale(error)) return false;
        throw error;
      }
    }
    this.#seen = next ?? found;
    this.#version = Math.max(this.#version, toSwarmService(own).version);
    this.#overwritten = false;
    for (const [name, query] of taken) if (this.#changes.get(name) === query) this.#changes.delete(name);
    return true;
  }
}

/** `k3f9q2` */
const markOf = (random: number): string => Math.floor(random * 36 ** 6).toString(36);

const isBeingUpdated = ({ UpdateStatus }: ServiceObject): boolean =>
  UpdateStatus?.State === "updating" || UpdateStatus?.State === "rollback_started";
