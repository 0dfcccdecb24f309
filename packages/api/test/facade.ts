import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  request as httpRequest,
  type RequestListener,
} from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, silentLogger, systemClock } from "@skep/model";
import { type ApiServer, createApiServer } from "../src/api-server.ts";
import { ClusterEventLog } from "../src/cluster-event-log.ts";
import type { Route } from "../src/router.ts";
import type { SwarmNode, SwarmStatus } from "../src/swarm-node.ts";

export interface FacadeOptions {
  /** What answers on the engine's socket: HTTP, or raw connections. `/_ping` and `/version` are answered before it. */
  readonly http?: RequestListener;
  readonly raw?: (connection: Socket) => void;
  /** Of the engine's `/version`. */
  readonly version?: object;
  readonly routes?: readonly Route[];
  readonly swarm?: Partial<SwarmNode>;
  readonly logger?: Logger;
}

/** An API server on a unix socket in front of an engine made of a function. */
export class Facade implements AsyncDisposable {
  readonly socketPath: string;
  readonly engineSocketPath: string;
  readonly events = new ClusterEventLog(systemClock, silentLogger);
  readonly #folder: string;
  readonly #engine: Server | HttpServer;
  readonly #engineConnections = new Set<Socket>();
  readonly #api: ApiServer;

  private constructor(folder: string, options: FacadeOptions) {
    this.#folder = folder;
    this.socketPath = join(folder, "api.sock");
    this.engineSocketPath = join(folder, "engine.sock");
    this.#engine = options.raw
      ? createServer({ allowHalfOpen: true }, introduced(options.raw))
      : createHttpServer({ requireHostHeader: false }, engineListener(options));
    this.#engine.on("connection", (socket: Socket) => {
      this.#engineConnections.add(socket);
      socket.on("close", () => this.#engineConnections.delete(socket)).on("error", () => {});
    });
    this.#api = createApiServer({
      engine: this.engineSocketPath,
      swarm: { ...notInSwarm, ...options.swarm },
      routes: options.routes ?? [],
      events: this.events,
      clock: systemClock,
      logger: options.logger ?? silentLogger,
    });
  }

  static async start(options: FacadeOptions = {}): Promise<Facade> {
    const facade = new Facade(await mkdtemp(join(tmpdir(), "skep-facade-")), options);
    facade.#engine.listen(facade.engineSocketPath);
    await once(facade.#engine, "listening");
    await facade.#api.listen({ socketPath: facade.socketPath });
    return facade;
  }

  async stopEngine(): Promise<void> {
    for (const socket of this.#engineConnections) socket.destroy();
    if (this.#engine.listening) await new Promise((resolve) => this.#engine.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#api.close();
    await this.stopEngine();
    await rm(this.#folder, { recursive: true });
  }

  /** One request over a connection of its own. */
  async call(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
    const outgoing = httpRequest({ socketPath: this.socketPath, agent: false, method, path, headers });
    outgoing.end(body);
    const [response] = await once(outgoing, "response");
    const text = Buffer.concat(await Array.fromAsync<Buffer>(response)).toString();
    return { status: response.statusCode, headers: response.headers, rawHeaders: response.rawHeaders, text };
  }

  connect(): Socket {
    return connect({ path: this.socketPath, allowHalfOpen: true }).on("error", () => {});
  }

  /** Sends bytes as they are; resolves with all that came back until the other side closed. */
  async exchange(request: string | Buffer): Promise<string> {
    const socket = this.connect();
    socket.write(request);
    return (await readAll(socket)).toString("latin1");
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  readonly text: string;
}

/** Everything a connection sends until it ends or breaks. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.on("end", resolve).on("close", resolve));
  return Buffer.concat(chunks);
}

export const statusOf = (status: SwarmStatus): Partial<SwarmNode> => ({ status: () => status });

const refuse = () => Promise.reject(new Error("not part of this test"));
const notInSwarm: SwarmNode = {
  status: () => ({ state: "inactive" }),
  manager: () => undefined,
  networks: () => undefined,
  init: refuse,
  join: refuse,
  leave: refuse,
};

const engineVersion = { Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12", Os: "linux" };

function engineListener({ http, version }: FacadeOptions): RequestListener {
  return (request, response) => {
    if (request.url === "/_ping") return response.writeHead(200, { "Builder-Version": "1" }).end();
    if (/^(\/v[0-9.]+)?\/version$/.test(request.url ?? ""))
      return response.end(JSON.stringify({ ...engineVersion, ...version }));
    if (!http) return response.writeHead(404).end('{"message":"page not found"}\n');
    return http(request, response);
  };
}

/** Answers the server's own questions, and leaves every other connection to `raw`. */
function introduced(raw: (connection: Socket) => void): (connection: Socket) => void {
  return (connection) => {
    connection.once("data", (bytes) => {
      const body = bytes.includes("GET /version") ? JSON.stringify(engineVersion) : "";
      if (/^(GET \/version|HEAD \/_ping) /.test(bytes.toString("latin1"))) {
        connection.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      } else {
        connection.pause();
        connection.unshift(bytes);
        raw(connection);
        connection.resume();
      }
    });
  };
}
