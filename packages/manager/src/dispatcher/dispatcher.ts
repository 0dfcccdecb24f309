import { once } from "node:events";
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import {
  type Clock,
  DomainError,
  type Logger,
  type LogOptions,
  logRefusalHeader,
  type NodeId,
  type Task,
} from "@skep/model";
import type { Store } from "@skep/store";
import type { Ipam } from "../allocator/index.ts";
import { Discovery } from "../discovery/index.ts";
import { addressOf, authorize, clusterOf } from "./authorize.ts";
import { runChangeFeed } from "./change-feed.ts";
import { readJson, refuse, respondJson } from "./exchange.ts";
import { admitNode, renewCertificate } from "./membership.ts";
import { NodeCalls } from "./node-calls.ts";
import type { PortHolder, ProbedPort } from "./port-probes.ts";
import { Sessions } from "./sessions.ts";

export interface DispatcherOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Follows the store as long as the dispatcher listens. */
  readonly discovery?: Discovery;
  /** Shared by all who give out addresses. */
  readonly ipam?: Ipam;
}

/** The manager's own node certificate, which its agents' connections are served with. */
export interface ServerCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** How far a node is with its assignments, as revisions of the store. */
export interface Progress {
  readonly sentRevision: number;
  readonly appliedRevision: number;
}

const handshakeTimeoutMs = 10_000;
/** A connection without a node's certificate is there to ask for one. */
const strangerTimeoutMs = 10_000;
const maxConcurrentStreams = 1000;
/** How much of a log may be under way to us. */
const windowBytes = 256 * 1024;

/**
 * The manager's side of port 2377: admits nodes, renews their certificates, carries tasks to their agents and what the
 * agents report back into the store. HTTP/2 over TLS; every route but `GET /ca` and `POST /join` needs a node's certificate.
 */
export class Dispatcher {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #sessions: Sessions;
  readonly #calls: NodeCalls;
  readonly #closing = new AbortController();
  readonly #connections = new Set<{ destroy(): void }>();
  #server: Http2SecureServer | undefined;
  #feed: Promise<void> | undefined;

  /** The store must hold the cluster already. */
  constructor(options: DispatcherOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    const { discovery = new Discovery(options) } = options;
    this.#sessions = new Sessions({ ...options, discovery });
    this.#calls = new NodeCalls({ ...options, discovery });
  }

  /** Resolves with the address it listens at; port 0 means any. Rejects when it cannot have the address. */
  async listen(
    address: { readonly host: string; readonly port: number },
    certificate: ServerCertificate,
  ): Promise<AddressInfo> {
    await this.#sessions.start();
    const server = this.#createServer(certificate);
    this.#server = server;
    this.#feed = runChangeFeed({
      store: this.#store,
      clock: this.#clock,
      logger: this.#logger,
      listener: this.#sessions,
      signal: this.#closing.signal,
    });
    server.listen(address.port, address.host);
    try {
      await once(server, "listening");
    } catch (error) {
      await this.close();
      throw error;
    }
    server.on("error", (err) => this.#logger.error({ err }, "dispatcher failed"));
    return server.address() as AddressInfo;
  }

  /** New connections are served with it, existing ones go on. */
  updateCertificate(certificate: ServerCertificate): void {
    this.#server?.setSecureContext(this.#tlsOptions(certificate));
  }

  /**
   * What a task's container has written, from its node: Docker's multiplexed frames, or raw bytes with a TTY.
   * Rejects with `unavailable` when the node has no session.
   */
  taskLogs(task: Task, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    return this.#sessions.openLogs(task, options, signal);
  }

  /**
   * Which of the ports processes of nodes have, other than skep. Takes a second at most: nodes that do not answer by
   * then are left out.
   */
  probePorts(ports: readonly ProbedPort[], signal: AbortSignal): Promise<PortHolder[]> {
    return this.#sessions.probePorts(ports, signal);
  }

  /** Undefined while the node has no session. */
  progress(nodeId: NodeId): Progress | undefined {
    return this.#sessions.get(nodeId);
  }

  /** The revision up to which the node has taken over its assignments; undefined while it has no session. */
  appliedRevision(nodeId: NodeId): number | undefined {
    return this.#sessions.get(nodeId)?.appliedRevision;
  }

  /** Ends every session, and stores what agents have reported so far. */
  async close(): Promise<void> {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    if (this.#server?.listening) this.#server.close(() => resolve());
    else resolve();
    await this.#sessions.close();
    this.#closing.abort(new DomainError("unavailable", "this manager is stopping"));
    await this.#feed;
    for (const connection of this.#connections) connection.destroy();
    await stopped;
  }

  #createServer(certificate: ServerCertificate): Http2SecureServer {
    const server = createSecureServer({
      ...this.#tlsOptions(certificate),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: handshakeTimeoutMs,
      settings: { maxConcurrentStreams, initialWindowSize: windowBytes },
    });
    server.on("unknownProtocol", (socket) => socket.destroy());
    server.on("tlsClientError", (err, socket) => {
      this.#logger.debug({ err, from: socket.remoteAddress }, "TLS handshake failed");
      socket.destroy();
    });
    server.on("sessionError", (err) => this.#logger.debug({ err }, "connection failed"));
    server.on("session", (session) => {
      this.#connections.add(session);
      session.setLocalWindowSize(4 * windowBytes);
      session.on("close", () => this.#connections.delete(session));
      if (!(session.socket as TLSSocket).authorized) session.setTimeout(strangerTimeoutMs, () => session.destroy());
    });
    server.on("stream", (stream, headers) => {
      stream.on("error", (err) => this.#logger.debug({ err, path: headers[":path"] }, "stream failed"));
      this.#serve(stream, headers).catch((error: unknown) => {
        if (!(error instanceof DomainError)) this.#logger.error({ err: error, path: headers[":path"] }, "call failed");
        refuse(stream, error);
      });
    });
    return server;
  }

  #tlsOptions({ certPem, keyPem }: ServerCertificate) {
    const ca = clusterOf(this.#store.view()).rootCa.certPem;
    return { cert: certPem, key: keyPem, ca, minVersion: "TLSv1.3" } as const;
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const route = `${headers[":method"]} ${headers[":path"]}`;
    const store = this.#store;
    if (route === "GET /ca") {
      respondJson(stream, { rootCaPem: clusterOf(store.view()).rootCa.certPem });
    } else if (route === "POST /join") {
      const admitted = await admitNode(store, this.#clock, await readJson(stream), addressOf(stream));
      this.#logger.info({ node: admitted.nodeId, role: admitted.role, from: addressOf(stream) }, "node joined");
      respondJson(stream, admitted);
    } else if (route === "POST /renew") {
      const { node } = authorize(stream, store.view());
      respondJson(stream, await renewCertificate(store, this.#clock, node, await readJson(stream)));
    } else if (route === "POST /session") {
      this.#sessions.open(stream, authorize(stream, store.view()), addressOf(stream));
    } else if (route === "POST /leave") {
      const { nodeId } = authorize(stream, store.view());
      await this.#sessions.leave(nodeId);
      this.#logger.info({ node: nodeId }, "node left");
      respondJson(stream, {});
    } else if (route === "POST /settle") {
      const { nodeId } = authorize(stream, store.view());
      respondJson(stream, await this.#calls.settle(nodeId, await readJson(stream), this.#whileOpen(stream)));
    } else if (route === "POST /attach") {
      const { nodeId } = authorize(stream, store.view());
      respondJson(stream, await this.#calls.attach(nodeId, await readJson(stream)));
    } else if (route === "POST /detach") {
      const { nodeId } = authorize(stream, store.view());
      respondJson(stream, await this.#calls.detach(nodeId, await readJson(stream)));
    } else if (route.startsWith("POST /logs/")) {
      const { nodeId } = authorize(stream, store.view());
      this.#sessions.answerLogs(nodeId, route.slice("POST /logs/".length), stream, headers[logRefusalHeader]);
    } else throw new DomainError("not-found", `no such call: ${route}`);
  }

  /** Aborts when the caller hangs up, or this manager stops. */
  #whileOpen(stream: ServerHttp2Stream): AbortSignal {
    const hungUp = new AbortController();
    const hangUp = () => hungUp.abort(new DomainError("unavailable", "the caller has hung up"));
    if (stream.closed) hangUp();
    stream.on("close", hangUp);
    return AbortSignal.any([this.#closing.signal, hungUp.signal]);
  }
}
