import {
  type EngineCall,
  EngineError,
  EngineUnavailable,
  HttpTransport,
  jsonLines,
  parseEngineAddress,
} from "@skep/engine";
import { type Clock, systemClock } from "@skep/model";
import { Deadline, unlessAborted } from "../deadline.ts";
import { parseExactly } from "./exact-json.ts";
import type { EventObject, NodeObject, ServiceObject, SpecObject, TaskObject } from "./swarm-objects.ts";

/** Conditions of a list or of the event stream: all keys must hold, of a key's values any. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** A manager without a quorum may never answer. */
const patienceMs = 10_000;
/** For streams that are silent for long: tells a broken connection from a quiet swarm. */
const keepAliveMs = 30_000;

/**
 * The little of the Docker Engine API that is asked about a swarm, over a unix socket or tcp. Throws EngineError (an answer that
 * says no), EngineUnavailable, DomainError when no answer came in time, or the signal's reason.
 */
export class SwarmClient implements Disposable {
  readonly #http: HttpTransport;
  readonly #clock: Clock;
  #prefix: Promise<string> | undefined;

  /** `target` is `DF_DOCKER_HOST`: `unix:///var/run/docker.sock` or `tcp://10.0.0.1:2375`. */
  constructor(target: string, clock: Clock = systemClock) {
    this.#http = new HttpTransport(parseEngineAddress(target));
    this.#clock = clock;
  }

  services(filters: Filters, signal: AbortSignal): Promise<readonly ServiceObject[]> {
    return this.#read("/services", filters, signal) as Promise<readonly ServiceObject[]>;
  }

  /** By id or name; undefined when there is none. */
  service(idOrName: string, signal: AbortSignal): Promise<ServiceObject | undefined> {
    return this.#find(`/services/${encodeURIComponent(idOrName)}`, signal) as Promise<ServiceObject | undefined>;
  }

  /** `spec` replaces the service's own whole. Throws what `isStale` knows when `version` is no longer the newest. */
  async updateService(id: string, version: number, spec: SpecObject, signal: AbortSignal): Promise<void> {
    const query = { version: String(version) };
    await this.#text("POST", `/services/${encodeURIComponent(id)}/update`, { query, body: spec, signal });
  }

  tasks(filters: Filters, signal: AbortSignal): Promise<readonly TaskObject[]> {
    return this.#read("/tasks", filters, signal) as Promise<readonly TaskObject[]>;
  }

  nodes(signal: AbortSignal): Promise<readonly NodeObject[]> {
    return this.#read("/nodes", {}, signal) as Promise<readonly NodeObject[]>;
  }

  node(id: string, signal: AbortSignal): Promise<NodeObject | undefined> {
    return this.#find(`/nodes/${encodeURIComponent(id)}`, signal) as Promise<NodeObject | undefined>;
  }

  /** What happens from now on; `onOpen` is called once nothing can be missed. Ends when the engine ends the stream. */
  async *events(filters: Filters, signal: AbortSignal, onOpen: () => void): AsyncGenerator<EventObject> {
    const stream = await this.#versioned(signal, (prefix) =>
      this.#http.open("GET", `${prefix}/events`, { query: { filters: JSON.stringify(filters) }, signal }),
    );
    stream.socket.setKeepAlive(true, keepAliveMs);
    onOpen();
    try {
      yield* jsonLines(stream) as AsyncGenerator<EventObject>;
    } catch (error) {
      throw error instanceof SyntaxError ? error : this.#http.failure(error, signal);
    }
  }

  [Symbol.dispose](): void {
    this.#http.close();
  }

  async #read(path: string, filters: Filters, signal: AbortSignal): Promise<unknown> {
    const query = Object.keys(filters).length > 0 ? { query: { filters: JSON.stringify(filters) } } : {};
    return parseExactly(await this.#text("GET", path, { ...query, signal }));
  }

  async #find(path: string, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#read(path, {}, signal);
    } catch (error) {
      if (error instanceof EngineError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #text(method: string, path: string, call: EngineCall & { readonly signal: AbortSignal }): Promise<string> {
    using deadline = new Deadline(this.#clock, patienceMs, `${method} ${path}`, call.signal);
    const { signal } = deadline;
    return await this.#versioned(signal, (prefix) => this.#http.text(method, prefix + path, { ...call, signal }));
  }

  /**
   * Speaks the engine's newest version: of a spec that is sent back in an older one, the engine would drop what that version
   * did not have. Asked again after trouble, for it may be another engine then.
   */
  async #versioned<T>(signal: AbortSignal, call: (prefix: string) => Promise<T>): Promise<T> {
    try {
      this.#prefix ??= this.#newestVersion();
      return await call(await unlessAborted(this.#prefix, signal));
    } catch (error) {
      if (!(error instanceof EngineError) || error.status === 400) this.#prefix = undefined;
      throw error;
    }
  }

  /** Several calls wait for the same answer: it ends with none of their signals. */
  async #newestVersion(): Promise<string> {
    using deadline = new Deadline(this.#clock, patienceMs, "GET /_ping");
    const response = await this.#http.open("GET", "/_ping", { signal: deadline.signal });
    response.resume();
    const version = response.headers["api-version"];
    if (typeof version === "string") return `/v${version}`;
    throw new EngineUnavailable("the engine does not tell its API version");
  }
}

const notAManager = /^This node is not a swarm manager/;

/** A worker, or a node outside of any swarm: it will not do, and waiting helps only if an operator changes that. */
export const isNotAManager = (error: unknown): boolean =>
  error instanceof EngineError && error.status === 503 && notAManager.test(error.message);

/** Somebody else has updated the object since it was read. */
export const isStale = (error: unknown): boolean =>
  error instanceof EngineError && error.message.includes("update out of sequence");
