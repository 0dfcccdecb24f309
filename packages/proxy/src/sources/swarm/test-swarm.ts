import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeObject, ServiceObject, SpecObject, TaskObject } from "./swarm-objects.ts";

const notAManager =
  "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.";

/** A manager's socket for tests: just enough of the Engine API, and a log of what was asked. */
export class TestSwarm implements AsyncDisposable {
  readonly services = new Map<string, ServiceObject>();
  readonly nodes = new Map<string, NodeObject>();
  tasks: TaskObject[] = [];
  /** `GET /services?filters={"label":["com.df.notify"]}` */
  readonly asked: string[] = [];
  isManager = true;
  /** Statuses for the next requests instead of their answers. */
  readonly failures: number[] = [];
  /** How long it takes to answer lists of tasks. */
  tasksMs = 0;
  /** Called when an update is made, before it is answered. */
  onUpdate: () => void = () => {};
  /** Applies the next update, but never says so. */
  losesNextAnswer = false;
  readonly #folder: string;
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  #index = 10;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<TestSwarm> {
    const swarm = new TestSwarm(await mkdtemp(join(tmpdir(), "skep-swarm-")));
    await swarm.listen();
    return swarm;
  }

  get socketPath(): string {
    return join(this.#folder, "docker.sock");
  }

  get target(): string {
    return `unix://${this.socketPath}`;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.socketPath);
    await once(this.#server, "listening");
  }

  /** Ends all connections and takes no new ones, as an engine that restarts; `listen` brings it back. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#streams.clear();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** How many follow the events. */
  get followers(): number {
    return this.#streams.size;
  }

  endStreams(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  /** Creates or updates a service and tells the followers, unless `silently`. Its id is `id-<name>` when not given. */
  put(
    name: string,
    labels: Record<string, string> = {},
    {
      replicas = 1,
      silently = false,
      ...more
    }: Partial<ServiceObject> & { replicas?: number; silently?: boolean } = {},
  ): ServiceObject {
    const id = more.ID ?? `id-${name}`;
    const Spec = { Name: name, Labels: labels, Mode: { Replicated: { Replicas: replicas } }, ...more.Spec };
    const service = { ...more, ID: id, Version: { Index: ++this.#index }, Spec };
    const action = this.services.has(id) ? "update" : "create";
    this.services.set(id, service);
    if (!silently) this.tell("service", action, id);
    return service;
  }

  remove(name: string, { silently = false } = {}): void {
    const service = this.#find(name);
    if (!service) return;
    this.services.delete(service.ID);
    if (!silently) this.tell("service", "remove", service.ID);
  }

  putNode(hostname: string, state = "ready", labels: Record<string, string> = {}): void {
    const ID = `id-${hostname}`;
    const Spec = { Labels: labels, Role: "worker", Availability: "active" };
    const Status = { State: state, Addr: "192.168.0.1" };
    const Description = { Hostname: hostname, Engine: { Labels: { "com.df.zone": "east" } } };
    this.nodes.set(ID, { ID, Version: { Index: ++this.#index }, Spec, Description, Status });
    this.tell("node", "update", ID);
  }

  removeNode(hostname: string): void {
    this.nodes.delete(`id-${hostname}`);
    this.tell("node", "remove", `id-${hostname}`);
  }

  labelsOf(name: string): Readonly<Record<string, string>> {
    return this.#find(name)?.Spec.Labels ?? {};
  }

  tell(Type: string, Action: string, ID: string): void {
    for (const stream of this.#streams) stream.write(`${JSON.stringify({ Type, Action, Actor: { ID } })}\n`);
  }

  #find(idOrName: string): ServiceObject | undefined {
    return this.services.get(idOrName) ?? [...this.services.values()].find(({ Spec }) => Spec.Name === idOrName);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += chunk;
    response.setHeader("Api-Version", "1.48");
    const url = new URL(request.url ?? "", "http://docker");
    if (url.pathname === "/_ping") return void response.end("OK");
    this.asked.push(decodeURIComponent(`${request.method} ${request.url}`).replace("/v1.48", ""));
    const path = url.pathname.replace(/^\/v1\.48/, "");
    const failure = this.failures.shift();
    if (failure !== undefined) return send(response, failure, { message: "it does not work" });
    if (path === "/events") return this.#follow(response);
    if (!this.isManager) return send(response, 503, { message: notAManager });
    const [, table, id, call] = path.split("/");
    if (call === "update") return this.#update(response, id ?? "", Number(url.searchParams.get("version")), text);
    const filters = JSON.parse(url.searchParams.get("filters") ?? "{}");
    if (table === "tasks") await new Promise((resolve) => setTimeout(resolve, this.tasksMs));
    const found = id === undefined ? this.#list(table, filters) : this.#get(table, id);
    send(response, found === undefined ? 404 : 200, found ?? { message: `no such ${table}: ${id}` });
  }

  #list(table: string | undefined, filters: Record<string, string[]>): unknown {
    if (table === "nodes") return [...this.nodes.values()];
    if (table === "tasks") return this.tasks.filter(({ ServiceID }) => filters.service?.includes(ServiceID) ?? true);
    return [...this.services.values()].filter(({ Spec }) =>
      (filters.label ?? []).every((label) => {
        const [name = "", ...value] = label.split("=");
        const has = Spec.Labels?.[name];
        return has !== undefined && (value.length === 0 || has === value.join("="));
      }),
    );
  }

  #get(table: string | undefined, id: string): unknown {
    return table === "nodes" ? this.nodes.get(id) : this.#find(decodeURIComponent(id));
  }

  #update(response: ServerResponse, id: string, version: number, text: string): void {
    const service = this.services.get(id);
    if (service?.Version.Index !== version) {
      send(response, 500, { message: "rpc error: code = Unknown desc = update out of sequence" });
      return;
    }
    const Spec = JSON.parse(text) as SpecObject;
    this.services.set(id, { ...service, Spec, Version: { Index: ++this.#index } });
    this.tell("service", "update", id);
    this.onUpdate();
    if (this.losesNextAnswer) response.destroy();
    else send(response, 200, { Warnings: null });
    this.losesNextAnswer = false;
  }

  #follow(response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "application/json" }).flushHeaders();
    this.#streams.add(response);
    response.once("close", () => this.#streams.delete(response));
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}
