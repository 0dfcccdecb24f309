import { once } from "node:events";
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import {
  type AgentMessage,
  type Clock,
  JsonLines,
  jsonLine,
  type ManagerMessage,
  type NodeId,
  recordKey,
  silentLogger,
  systemClock,
} from "@skep/model";
import { ManagerSession, type SessionState } from "./manager-session.ts";
import type { SessionHandlers } from "./session-handlers.ts";
import { description, identityFor, rootCa } from "./test-swarm.ts";

// A session under test, and what it may meet instead of a healthy manager.

export interface RunOptions {
  readonly nodeId: NodeId;
  readonly managers: readonly string[];
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly handlers?: Partial<SessionHandlers>;
}

/** A session that runs until the end of the test, and writes down what happens to it. */
export async function runSession(options: RunOptions) {
  const identity = await identityFor(options.nodeId);
  const states: SessionState[] = [];
  const told: string[] = [];
  const records: string[] = [];
  const ids = (assignments: readonly { readonly task: { readonly id: string } }[]) =>
    assignments.map(({ task }) => task.id).join(" ");
  const controller = new AbortController();
  const session = new ManagerSession({
    managers: options.managers,
    identity: () => identity,
    describe: async () => description,
    handlers: {
      session: ({ node }) => told.push(`session of ${node.id}`),
      assignments: async (all) => void told.push(`all: ${ids(all)}`),
      changes: async (put, remove) => void told.push(`put: ${ids(put)}, remove: ${remove.join(" ")}`),
      network: async ({ full, revision, put, remove }) => {
        records.push(
          `${full ? "all" : "changes"} of ${revision}: ${[...put.map(recordKey), ...remove.map((key) => `-${key}`)].join(" ")}`,
        );
        return [];
      },
      probePorts: async () => [],
      logs: async () => Promise.reject(new Error("no logs here")),
      renew: () => told.push("renew"),
      ...options.handlers,
    },
    onState: (state) => states.push(state),
    clock: options.clock ?? systemClock,
    logger: silentLogger,
    random: options.random ?? (() => 0.5),
  });
  const running = session.run(controller.signal);
  return {
    session,
    told,
    records,
    states: () => states.map(({ state }) => state),
    lastReason: () => states.findLast((state) => "reason" in state),
    stop: () => {
      controller.abort();
      return running;
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await running;
    },
  };
}

/** A manager that says only what the test says, and remembers what it is told. */
export class FakeManager implements AsyncDisposable {
  readonly heard: AgentMessage[] = [];
  readonly #server: Http2SecureServer;
  readonly #connections = new Set<ServerHttp2Session>();
  readonly #streams: ServerHttp2Stream[] = [];

  static async start(): Promise<FakeManager> {
    const { certPem, keyPem } = await identityFor("manager-1" as NodeId, "manager");
    const { certPem: ca } = await rootCa;
    const server = createSecureServer({ cert: certPem, key: keyPem, ca, requestCert: true, rejectUnauthorized: false });
    const manager = new FakeManager(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return manager;
  }

  private constructor(server: Http2SecureServer) {
    this.#server = server;
    server.on("session", (connection) => {
      this.#connections.add(connection);
      connection.on("close", () => this.#connections.delete(connection));
    });
    server.on("sessionError", () => {});
    server.on("stream", (stream) => this.#serve(stream));
  }

  get addr(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get sessions(): number {
    return this.#streams.length;
  }

  /** On the newest session. */
  say(message: ManagerMessage | string): void {
    this.#streams.at(-1)?.write(typeof message === "string" ? message : jsonLine(message));
  }

  /** What a session begins with. */
  greet(heartbeatPeriodMs: number): void {
    const spec = { Role: "worker", Availability: "active" } as const;
    this.say({
      type: "session",
      node: { id: "node-1" as NodeId, spec },
      heartbeatPeriodMs,
      managers: [],
      dataPathPort: 4789,
    });
  }

  drop(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(stream: ServerHttp2Stream): void {
    const lines = new JsonLines(1e9);
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => {
      for (const message of lines.push(chunk)) this.heard.push(message as AgentMessage);
    });
    stream.respond({ ":status": 200 });
    this.#streams.push(stream);
  }
}

/** A wire to a manager that can be cut without either end noticing. */
export class Wire implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async to(target: string): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server, Number(target.split(":").at(-1)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return wire;
  }

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    server.on("connection", (near) => {
      const far = connect(targetPort, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.on("error", () => {});
        from.on("close", () => to.destroy());
        from.pipe(to);
      }
    });
  }

  get addr(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Nothing of the connections there are now comes through any more; new ones are not affected. */
  cut(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
