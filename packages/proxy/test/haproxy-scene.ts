import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, get, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { silentLogger, systemClock } from "@skep/model";
import { freePort } from "@skep/testkit";
import type { Blame, Rendered, TaskServer } from "../src/render/rendered.ts";
import { Driver, type DriverOptions } from "../src/runtime/driver.ts";

/** What a test wants routed. */
export interface TestRoute {
  readonly name: string;
  /** Ports of 127.0.0.1 that its tasks listen on. */
  readonly tasks: readonly number[];
  /** Further lines of its backend. */
  readonly lines?: readonly string[];
  readonly path?: string;
}

export const route = (name: string, ...tasks: number[]): TestRoute => ({ name, tasks });

/** A directory and ports of its own for one HAProxy, and upstreams to route to. */
export class Scene implements AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly #upstreams: Server[] = [];

  private constructor(directory: string, port: number, tlsPort: number) {
    this.directory = directory;
    this.port = port;
    this.tlsPort = tlsPort;
  }

  static async create(): Promise<Scene> {
    return new Scene(await mkdtemp("/tmp/skep-haproxy-"), await freePort(), await freePort());
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  get driverOptions(): DriverOptions {
    return {
      binary: "haproxy",
      configPath: this.file("haproxy.cfg"),
      runDirectory: this.directory,
      adminSocket: this.file("admin.sock"),
      stateFile: this.file("state"),
      stdout: "ignore",
      clock: systemClock,
      logger: silentLogger,
    };
  }

  startDriver(routes: readonly TestRoute[] = [], options: Partial<DriverOptions> = {}): Promise<Driver> {
    return Driver.start({ ...this.driverOptions, ...options }, this.render(routes));
  }

  /** An upstream that answers with its name; `/…/slow` after a second. */
  async upstream(name: string): Promise<number> {
    const server = createServer((request, response) => {
      setTimeout(() => response.end(name), request.url?.endsWith("/slow") ? 1000 : 0);
    });
    server.on("upgrade", (_, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
      socket.on("error", () => {});
      socket.pipe(socket);
    });
    this.#upstreams.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  render(routes: readonly TestRoute[], crtList?: string): Rendered {
    return renderRoutes(this, routes, crtList);
  }

  /** One request on a connection of its own. */
  async ask(path: string): Promise<string> {
    return (await request(this.port, path, new Agent())).body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#upstreams) {
      server.closeAllConnections();
      server.close();
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A config as the real one is built: a map in front of the list, task servers, blame. */
function renderRoutes(scene: Scene, routes: readonly TestRoute[], crtList: string | undefined): Rendered {
  const lines = [
    "global",
    `    stats socket ${scene.file("admin.sock")} mode 600 level admin expose-fd listeners`,
    "    setenv DF_GENERATION 0",
    `    server-state-file ${scene.file("state")}`,
    "    mworker-max-reloads 1000",
    "    hard-stop-after 30s",
    "defaults",
    "    mode http",
    "    option idle-close-on-response",
    "    load-server-state-from-file global",
    "    default-server backup init-addr last,none",
    "    retries 0",
    "    timeout connect 1s",
    "    timeout client 10s",
    "    timeout server 10s",
    "    timeout http-keep-alive 1s",
    "frontend services",
    `    bind 127.0.0.1:${scene.port}`,
    ...(crtList === undefined
      ? []
      : [`    bind 127.0.0.1:${scene.tlsPort} ssl strict-sni crt-list ${scene.file("list.txt")}`]),
    `    use_backend %[path,map_beg(${scene.file("routes.map")})] if { path,map_beg(${scene.file("routes.map")}) -m found }`,
  ];
  const blame: Blame[] = [];
  const servers: TaskServer[] = [];
  const serverLines = new Set<number>();
  for (const { name, tasks, lines: extra = [] } of routes) {
    const from = lines.length + 1;
    lines.push(`backend ${name}-be`, "    mode http", ...extra.map((line) => `    ${line}`));
    for (const port of tasks) {
      const server = {
        backend: `${name}-be`,
        name: `${name}.${port}`,
        address: `127.0.0.1:${port}`,
        options: "no-backup",
      };
      servers.push(server);
      serverLines.add(lines.push(`    server ${server.name} ${server.address} ${server.options}`));
    }
    blame.push({ serviceName: name, from, to: lines.length });
  }
  const map = routes.map(({ name, path = `/${name}` }) => `${path} ${name}-be\n`).join("");
  const files = new Map([[scene.file("routes.map"), map]]);
  if (crtList !== undefined) files.set(scene.file("list.txt"), crtList);
  const structure = lines.filter((line, i) => !serverLines.has(i + 1) && !line.includes("DF_GENERATION"));
  return { config: `${lines.join("\n")}\n`, structure: structure.join("\n"), servers, files, blame };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export const request = (port: number, path: string, agent: Agent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = get({ host: "127.0.0.1", port, path, agent, timeout: 5000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error("timeout")));
    sent.on("error", reject);
  });

/** Requests all the time, on connections that are kept and on new ones; remembers what went wrong. */
export class Load {
  readonly failures: string[] = [];
  requests = 0;
  readonly #workers: Promise<void>[];
  #ended = false;

  constructor(port: number, paths: readonly string[], connections: number, pauseMs: number) {
    const kept = new Agent({ keepAlive: true, maxSockets: connections });
    this.#workers = Array.from({ length: connections }, async (_, i) => {
      for (let n = i; !this.#ended; n++) {
        const agent = n % 4 === 0 ? new Agent() : kept;
        await this.#one(port, paths[n % paths.length] ?? "/", agent);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    });
  }

  async #one(port: number, path: string, agent: Agent): Promise<void> {
    this.requests++;
    try {
      const { status } = await request(port, path, agent);
      if (status !== 200) this.failures.push(`${path}: ${status}`);
    } catch (error) {
      this.failures.push(`${path}: ${error instanceof Error ? error.message : error}`);
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#workers);
  }
}

/** A connection that has been upgraded and echoes. */
export class EchoConnection implements Disposable {
  readonly #socket;
  #received = "";
  closed = false;

  private constructor(port: number, path: string) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (chunk) => {
      this.#received += chunk;
    });
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.closed = true;
    });
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  }

  static async open(port: number, path: string): Promise<EchoConnection> {
    const opened = new EchoConnection(port, path);
    await eventually(() => opened.#received.includes("101 Switching Protocols"));
    return opened;
  }

  async echoes(text: string): Promise<boolean> {
    this.#socket.write(text);
    await eventually(() => this.closed || this.#received.endsWith(text));
    return !this.closed;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** Waits until the condition holds; throws after `deadlineMs`. */
export async function eventually(holds: () => boolean | Promise<boolean>, deadlineMs = 5000): Promise<void> {
  const until = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`not within ${deadlineMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
