import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock, Logger } from "@skep/model";
import { routeFirstRequest } from "./first-request.ts";
import type { RequestHandler } from "./request-handler.ts";

export type ListenTarget = { readonly socketPath: string } | TcpTarget;

export interface TcpTarget {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM texts. Clients must show a certificate of `ca`. Without this anyone who reaches the port is root on this node. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** How long a client may take to send a request's head. */
const headersTimeoutMs = 60_000;
/** Longer than clients keep idle connections themselves, so that none is closed under a request. */
const keepAliveTimeoutMs = 300_000;
const closeGraceMs = 500;

const serverOptions: ServerOptions = {
  requestTimeout: 0, // `docker build` and `docker load` take as long as they take
  headersTimeout: headersTimeoutMs,
  keepAliveTimeout: keepAliveTimeoutMs,
  maxHeaderSize: 1 << 20, // as Go; registry credentials of a build pass Node's 16 KiB
  keepAlive: true, // TCP's own probes find clients that vanished
  noDelay: true,
  requireHostHeader: false, // the engine's own judgement
};

const tlsOptions = {
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: "TLSv1.2",
  allowHalfOpen: true, // as node:http's own: `docker run` says that it sends nothing, and then reads
} as const;

/** One socket the API is served on. */
export class Listener {
  readonly #server: Server;
  readonly #target: ListenTarget;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Connections on which HTTP is spoken. */
  readonly #http = new Set<Duplex>();
  /** Connections that are something else, or nothing yet. */
  readonly #others = new Set<Duplex>();

  constructor(handler: RequestHandler, target: ListenTarget, clock: Clock, logger: Logger) {
    this.#target = target;
    this.#clock = clock;
    this.#logger = logger;
    this.#server = this.#createServer(handler);
  }

  async listen(): Promise<string> {
    const target = this.#target;
    if ("socketPath" in target) return this.#listenUnix(target.socketPath);
    if (!target.tls) {
      this.#logger.warn(
        { host: target.host, port: target.port },
        "the API is open to anyone who reaches this port, and so is root on this node: use TLS, or a unix socket",
      );
    }
    this.#server.listen(target.port, target.host);
    await once(this.#server, "listening");
    const { address, port } = this.#server.address() as AddressInfo;
    return `tcp://${address.includes(":") ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#others) socket.destroy();
    this.#server.closeIdleConnections();
    const cancel = this.#clock.after(closeGraceMs, () => {
      for (const socket of this.#http) socket.destroy();
    });
    await closed;
    cancel();
  }

  async #listenUnix(path: string): Promise<string> {
    if (await answers(path)) throw new Error(`${path} is in use by another process`);
    await rm(path, { force: true });
    this.#server.listen(path);
    await once(this.#server, "listening");
    await chmod(path, 0o660); // as Docker's: who may use it is root
    return `unix://${path}`;
  }

  #createServer(handler: RequestHandler): Server {
    const tls = "tls" in this.#target ? this.#target.tls : undefined;
    const shouldUpgradeCallback: ServerOptions["shouldUpgradeCallback"] = (request) => !handler.isOwn(request);
    const options = { ...serverOptions, shouldUpgradeCallback };
    const server = tls ? createTlsServer({ ...options, ...tlsOptions, ...tls }) : createServer(options);
    server.maxHeadersCount = 0;
    server.on("request", (request, response) => void handler.handle(request, response));
    server.on("checkContinue", (request, response) => void handler.handle(request, response));
    server.on("upgrade", (request, socket, head) => {
      this.#keep(socket, this.#others);
      void handler.upgrade(request, socket, head);
    });
    this.#interceptConnections(server, tls ? "secureConnection" : "connection", handler);
    return server;
  }

  /** Looks at each connection's first request before Node's parser gets it; see `first-request.ts`. */
  #interceptConnections(server: Server, event: "connection" | "secureConnection", handler: RequestHandler): void {
    const [accept] = server.listeners(event) as ((this: Server, socket: Socket) => void)[];
    if (!accept) throw new Error(`node:http does not listen for ${event}`);
    server.removeAllListeners(event);
    server.on(event, (socket: Socket) => {
      this.#keep(socket, this.#others);
      routeFirstRequest(socket, headersTimeoutMs, {
        http: () => {
          this.#keep(socket, this.#http);
          accept.call(server, socket);
        },
        raw: (request) => void handler.passRaw(socket, request),
      });
    });
    if (event === "secureConnection") server.on("connection", (socket: Socket) => this.#keep(socket, this.#others));
  }

  /** Remembers a connection until it is closed, as one of the one kind or the other. */
  #keep(socket: Duplex, kind: Set<Duplex>): void {
    if (!this.#http.delete(socket) && !this.#others.delete(socket)) {
      socket.on("close", () => this.#http.delete(socket) || this.#others.delete(socket));
    }
    kind.add(socket);
  }
}

/** True when a process listens on the unix socket; what a dead one left behind does not. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
