import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, isRoute, type Parts, routeOf } from "./routes.ts";

const lookMs = 20;

/** The service's HTTP side. It loses no request when it ends. */
export class DemoServer {
  readonly http: Server;
  readonly #parts: Parts;
  readonly #graceMs: number;
  #draining = false;

  /** When it ends, kept connections have `graceMs` to bring one more request, which is answered as their last. */
  constructor(parts: Parts, { graceMs = 3000 }: { readonly graceMs?: number } = {}) {
    this.#parts = parts;
    this.#graceMs = graceMs;
    this.http = createServer((request, response) => void this.#answer(request, response));
    this.http.keepAliveTimeout = 75_000; // longer than a proxy keeps a connection: it is the proxy that ends it
  }

  listen(port: number, host?: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.http.once("error", reject);
      this.http.listen(port, host, () => resolve((this.http.address() as { port: number }).port));
    });
  }

  /**
   * Answers what has come and what still comes on open connections, each with `Connection: close`; resolves when all
   * connections have ended. Whoever keeps one without using it loses it after a grace.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    const until = performance.now() + this.#graceMs;
    while (performance.now() < until && (await this.#connections()) > 0) await sleep(lookMs);
    await new Promise((resolve) => this.http.close(resolve));
  }

  #connections(): Promise<number> {
    return new Promise((resolve) => this.http.getConnections((_, count) => resolve(count ?? 0)));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const { method = "GET", url = "/" } = request;
    request.resume();
    const [path = "", query] = url.split("?", 2);
    const answer = await routeOf(method, path)({ method, query: new URLSearchParams(query) }, this.#parts).catch(
      (error: Error): Answer => ({ code: 500, text: `${error.message}\n` }),
    );
    this.#send(response, answer);
    const label = isRoute(path) ? path : "other";
    this.#parts.metrics.observe(method, label, answer.code, (performance.now() - began) / 1000);
  }

  #send(response: ServerResponse, { code, text, contentType, allow }: Answer): void {
    response.writeHead(code, {
      "Content-Type": contentType ?? "text/plain; charset=utf-8",
      "Content-Length": Buffer.byteLength(text),
      ...(allow && { Allow: allow }),
      ...(this.#draining && { Connection: "close" }),
    });
    response.end(text);
  }
}
