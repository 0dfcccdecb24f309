import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import {
  type AgentMessage,
  type Clock,
  type Cluster,
  JsonLines,
  jsonLine,
  type Logger,
  type ManagerMessage,
  type Node,
  type NodeDescription,
  type NodeId,
  newJoinToken,
  silentLogger,
  systemClock,
  type Task,
  type TaskId,
} from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { createCsr } from "../ca/create-csr.ts";
import { issueCertificate } from "../ca/issue-certificate.ts";
import { createRootCa, type RootCa } from "../ca/root-ca.ts";
import { Discovery } from "../discovery/index.ts";
import { Dispatcher } from "./dispatcher.ts";
import { someCluster, someNode, someTask } from "./test-objects.ts";

// A dispatcher on a port of the loopback, and agents that say only what a test lets them say.

export const description: NodeDescription = {
  Hostname: "host",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2e9, MemoryBytes: 1e9 },
  Engine: { EngineVersion: "20.10.24" },
};

export interface Certificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface SwarmOptions {
  readonly clock?: Clock;
  readonly store?: Store;
  readonly logger?: Logger;
  readonly cluster?: Partial<Cluster>;
  readonly nodes?: readonly NodeId[];
}

/** Making an authority takes a tenth of a second; one will do for all tests of a file. */
const sharedRoot: Promise<RootCa> = createRootCa(systemClock);

/** In real time a test on a busy machine must not lose its nodes. */
const patient: Cluster["spec"] = { Name: "default", Dispatcher: { HeartbeatPeriod: 60e9 } };

export class TestSwarm implements AsyncDisposable {
  readonly store: Store;
  readonly rootCa: RootCa;
  readonly workerToken: string;
  readonly discovery: Discovery;
  readonly dispatcher: Dispatcher;
  readonly #connections = new Map<ClientHttp2Session, TLSSocket>();
  readonly #options: SwarmOptions;
  #port = 0;

  static async start(options: SwarmOptions = {}): Promise<TestSwarm> {
    const rootCa = await sharedRoot;
    const store = options.store ?? new MemoryStore({ clock: options.clock ?? systemClock });
    if (store.view().count("cluster") === 0) {
      const joinTokens = { worker: newJoinToken(rootCa.certPem), manager: newJoinToken(rootCa.certPem) };
      await store.update((tx) => {
        tx.put(
          "cluster",
          someCluster(rootCa, { joinTokens, ...(!options.clock && { spec: patient }), ...options.cluster }),
        );
        for (const id of options.nodes ?? []) tx.put("node", someNode(id));
      });
    }
    const swarm = new TestSwarm(options, store, rootCa);
    const certificate = await swarm.certificate("manager-1" as NodeId, { role: "manager" });
    swarm.#port = (await swarm.dispatcher.listen({ host: "127.0.0.1", port: 0 }, certificate)).port;
    return swarm;
  }

  private constructor(options: SwarmOptions, store: Store, rootCa: RootCa) {
    this.#options = options;
    this.store = store;
    this.rootCa = rootCa;
    this.workerToken = this.cluster.joinTokens.worker;
    const { clock = systemClock, logger = silentLogger } = options;
    this.discovery = new Discovery({ clock });
    this.dispatcher = new Dispatcher({ store, clock, logger, discovery: this.discovery });
  }

  get port(): number {
    return this.#port;
  }

  get cluster(): Cluster {
    const [cluster] = this.store.view().all("cluster");
    if (!cluster) throw new Error("no cluster");
    return cluster;
  }

  async certificate(
    nodeId: NodeId,
    options: Partial<Parameters<typeof issueCertificate>[0]> = {},
  ): Promise<Certificate> {
    const { csrPem, keyPem } = await createCsr();
    const issue = {
      rootCa: this.rootCa,
      role: "worker",
      clusterId: this.cluster.id,
      expiryMs: 3.6e6,
      ...options,
    } as const;
    return { certPem: await issueCertificate({ clock: systemClock, csrPem, nodeId, ...issue }), keyPem };
  }

  connect(certificate?: Certificate): ClientHttp2Session {
    const socket = connectTls({
      host: "127.0.0.1",
      port: this.#port,
      ca: this.rootCa.certPem,
      servername: "swarm-manager",
      ALPNProtocols: ["h2"],
      ...(certificate && { cert: certificate.certPem, key: certificate.keyPem }),
    });
    const connection = connect("https://swarm-manager", { createConnection: () => socket });
    connection.on("error", () => {});
    this.#connections.set(connection, socket);
    return connection;
  }

  /** As if the other side were killed. */
  kill(connection: ClientHttp2Session): void {
    this.#connections.get(connection)?.destroy();
  }

  /** Status and body of one call. */
  async call(method: string, path: string, body?: unknown, certificate?: Certificate): Promise<[number, Answer]> {
    const connection = this.connect(certificate);
    const stream = connection.request({ ":method": method, ":path": path });
    stream.end(typeof body === "string" ? body : JSON.stringify(body));
    const status = await new Promise<number>((resolve, reject) => {
      stream.on("response", (headers) => resolve(headers[":status"] ?? 0));
      stream.on("error", reject);
    });
    const text = Buffer.concat(await stream.toArray()).toString();
    connection.close();
    return [status, JSON.parse(text)];
  }

  /** An agent with an open session that has said hello. */
  async agent(nodeId: NodeId): Promise<TestAgent> {
    const agent = new TestAgent(this.connect(await this.certificate(nodeId)));
    agent.say({ type: "hello", description, appliedRevision: 0 });
    return agent;
  }

  node(id: NodeId): Node | undefined {
    return this.store.view().get("node", id);
  }

  task(id: string): Task | undefined {
    return this.store.view().get("task", id);
  }

  async assign(nodeId: NodeId, ...ids: readonly string[]): Promise<void> {
    await this.store.update((tx) => {
      for (const id of ids) tx.put("task", someTask(id as TaskId, { nodeId }));
    });
  }

  async change<K extends "node" | "task" | "cluster">(
    kind: K,
    id: string,
    edit: (object: never) => object,
  ): Promise<void> {
    await this.store.update((tx) => tx.put(kind, edit(tx.get(kind, id) as never) as never));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections.keys()) connection.destroy();
    await this.dispatcher.close();
    if (!this.#options.store) await this.store.close();
  }
}

type Answer = Readonly<Record<string, string>>;

export class TestAgent {
  readonly connection: ClientHttp2Session;
  readonly stream: ClientHttp2Stream;
  readonly closed: Promise<void>;
  readonly #received: ManagerMessage[] = [];
  readonly #lines = new JsonLines(1e9);
  #wake: () => void = () => {};

  constructor(connection: ClientHttp2Session) {
    this.connection = connection;
    this.stream = connection.request({ ":method": "POST", ":path": "/session" });
    this.stream.on("error", () => {});
    this.closed = new Promise((resolve) => this.stream.on("close", resolve));
    this.stream.on("close", () => this.#wake());
    this.stream.on("data", (chunk: Buffer) => {
      for (const message of this.#lines.push(chunk)) this.#received.push(message as ManagerMessage);
      this.#wake();
    });
  }

  say(message: AgentMessage): void {
    this.stream.write(jsonLine(message));
  }

  /** The next message of one of these types; what comes before it is dropped. Rejects when the session ends before. */
  async next<T extends ManagerMessage["type"]>(...types: readonly T[]): Promise<Extract<ManagerMessage, { type: T }>> {
    for (;;) {
      const message = this.#received.shift();
      if (message && types.some((type) => type === message.type))
        return message as Extract<ManagerMessage, { type: T }>;
      if (message) continue;
      if (this.stream.destroyed) throw new Error(`the session ended without a message of type ${types.join(" or ")}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The connection breaks without a word. */
  vanish(): void {
    this.connection.destroy(undefined, constants.NGHTTP2_CANCEL);
  }
}
