import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Endpoint } from "./listener-settings.ts";
import type { Subject } from "./notifier.ts";

/** Something that is notified: it believes what it is told when it answers 200, in the order in which it gets round to it. */
export class TestTarget implements Disposable {
  /** By `serviceName`, or a node's `id`, the query that it was told of last. */
  readonly knows = new Map<string, string>();
  /** `GET /reconfigure?…` */
  readonly asked: string[] = [];
  /** Decides on each call: the status (0 hangs up), and after how long it takes effect and is answered. */
  behave: () => { readonly status: number; readonly ms?: number } = () => ({ status: 200 });
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(): Promise<TestTarget> {
    const target = new TestTarget();
    target.#server.listen(0, "127.0.0.1");
    await once(target.#server, "listening");
    return target;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get endpoint(): Endpoint {
    const url = (path: string) => [{ url: new URL(`http://${this.host}/${path}`), method: "GET" }];
    return { host: this.host, create: url("reconfigure"), remove: url("remove") };
  }

  names(): readonly string[] {
    return [...this.knows.keys()].sort();
  }

  [Symbol.dispose](): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", "http://target");
    this.asked.push(`${request.method} ${url.pathname}${url.search}`);
    const { status, ms } = this.behave();
    // What is under way goes on when the caller has hung up.
    const act = () => {
      if (status === 200) this.#believe(url);
      if (status === 0) response.destroy();
      else response.writeHead(status).end();
    };
    if (ms === undefined) act();
    else setTimeout(act, ms);
  }

  #believe({ pathname, search, searchParams }: URL): void {
    const name = searchParams.get("serviceName") ?? searchParams.get("id") ?? "";
    if (pathname === "/remove") this.knows.delete(name);
    else this.knows.set(name, search.slice(1));
  }
}

/** `web:8080` exists with that port; `web` exists, and nothing new is to be told of it. */
export const existing = (...services: readonly string[]): ReadonlyMap<string, Subject> =>
  new Map(
    services.map((text) => {
      const [name = "", port] = text.split(":");
      const create = port === undefined ? undefined : `port=${port}&serviceName=${name}`;
      return [name, { create, remove: `serviceName=${name}` }];
    }),
  );
