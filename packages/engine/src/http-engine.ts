import type { Readable } from "node:stream";
import { clampApiVersion } from "./api-version.ts";
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
} from "./engine.ts";
import { parseEngineAddress } from "./engine-address.ts";
import { type EngineCall, HttpTransport } from "./http-transport.ts";
import { pullQuery } from "./image-reference.ts";
import { jsonLines } from "./json-lines.ts";

/** The API version this client is written for: Engine 20.10's. */
const writtenFor = "1.41";

/** The local Docker Engine over its unix socket (or tcp). Throws EngineError, EngineUnavailable, or a signal's reason. */
export class HttpEngine implements Engine {
  readonly #http: HttpTransport;
  #prefix: Promise<string> | undefined;

  /** `target`: a socket's path, `unix:///path` or `tcp://host:port`. */
  constructor(target: string) {
    this.#http = new HttpTransport(parseEngineAddress(target));
  }

  version(signal?: AbortSignal): Promise<EngineVersion> {
    return this.#http.json("GET", "/version", withSignal(signal));
  }

  info(signal?: AbortSignal): Promise<EngineInfo> {
    return this.#json("GET", "/info", withSignal(signal));
  }

  listContainers(query: { all?: boolean; labels?: readonly string[] }): Promise<readonly ContainerSummary[]> {
    const filters = query.labels?.length ? { filters: JSON.stringify({ label: query.labels }) } : {};
    return this.#json("GET", "/containers/json", { query: { all: query.all ? "1" : "0", ...filters } });
  }

  inspectContainer(id: string): Promise<ContainerDetails> {
    return this.#json("GET", `/containers/${encodeURIComponent(id)}/json`);
  }

  createContainer(name: string, config: Readonly<Record<string, unknown>>): Promise<{ readonly Id: string }> {
    return this.#json("POST", "/containers/create", { query: { name }, body: config });
  }

  async startContainer(id: string): Promise<void> {
    await this.#text("POST", `/containers/${encodeURIComponent(id)}/start`, { accept: [304] });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const query = { t: String(Math.ceil(graceSeconds)) };
    await this.#text("POST", `/containers/${encodeURIComponent(id)}/stop`, { query, accept: [304] });
  }

  async removeContainer(id: string, options: { force?: boolean } = {}): Promise<void> {
    const query = { v: "1", ...(options.force ? { force: "1" } : {}) };
    await this.#text("DELETE", `/containers/${encodeURIComponent(id)}`, { query, accept: [404] });
  }

  containerLogs(id: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Readable> {
    return this.#open("GET", `/containers/${encodeURIComponent(id)}/logs`, { query, signal });
  }

  async inspectImage(reference: string): Promise<ImageDetails | undefined> {
    try {
      return await this.#json<ImageDetails>("GET", `/images/${encodeURI(reference)}/json`);
    } catch (error) {
      if (error instanceof EngineError && error.status === 404) return undefined;
      throw error;
    }
  }

  async pullImage(
    reference: string,
    registryAuth: string | undefined,
    signal: AbortSignal,
    onAnswer?: () => void,
  ): Promise<void> {
    const headers = registryAuth === undefined ? {} : { "X-Registry-Auth": registryAuth };
    const progress = await this.#open("POST", "/images/create", { query: pullQuery(reference), headers, signal });
    onAnswer?.(); // the engine sends no head before the registry has shown it a manifest
    for await (const line of this.#lines(progress, signal)) {
      const { error } = line as { error?: string };
      if (error) throw new EngineError(500, error);
    }
  }

  async createVolume(body: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#text("POST", "/volumes/create", { body });
  }

  async *events(
    filters: Readonly<Record<string, readonly string[]>>,
    signal: AbortSignal,
    since?: string,
  ): AsyncGenerator<EngineEvent> {
    const query = { filters: JSON.stringify(filters), ...(since === undefined ? {} : { since }) };
    try {
      const stream = await this.#open("GET", "/events", { query, signal });
      yield* this.#lines(stream, signal) as AsyncGenerator<EngineEvent>;
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    throw new EngineUnavailable("the Docker Engine ended its event stream");
  }

  /** Closes the kept connections. */
  close(): void {
    this.#http.close();
  }

  async *#lines(stream: Readable, signal: AbortSignal): AsyncGenerator<unknown> {
    try {
      yield* jsonLines(stream);
    } catch (error) {
      throw error instanceof SyntaxError ? error : this.#http.failure(error, signal);
    }
  }

  #open(method: string, path: string, call: EngineCall = {}) {
    return this.#versioned((prefix) => this.#http.open(method, prefix + path, call));
  }

  #text(method: string, path: string, call: EngineCall = {}) {
    return this.#versioned((prefix) => this.#http.text(method, prefix + path, call));
  }

  #json<T>(method: string, path: string, call: EngineCall = {}) {
    return this.#versioned((prefix) => this.#http.json<T>(method, prefix + path, call));
  }

  /** Calls with `/v1.41`, or what comes nearest on this engine; asked again once it was away, for it may be another. */
  async #versioned<T>(call: (prefix: string) => Promise<T>): Promise<T> {
    try {
      this.#prefix ??= this.version().then(prefixFor);
      return await call(await this.#prefix);
    } catch (error) {
      if (error instanceof EngineUnavailable) this.#prefix = undefined;
      throw error;
    }
  }
}

const prefixFor = ({ ApiVersion, MinAPIVersion }: EngineVersion): string =>
  `/v${clampApiVersion(writtenFor, MinAPIVersion ?? writtenFor, ApiVersion)}`;

const withSignal = (signal: AbortSignal | undefined): EngineCall => (signal ? { signal } : {});
