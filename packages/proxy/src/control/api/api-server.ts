import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listenOn } from "../../listen-on.ts";
import { answerOf } from "../../service/index.ts";
import { type Answer, empty, json, text } from "./answer.ts";
import { answerTo } from "./api.ts";
import type { ApiParts } from "./parts.ts";
import { BodyTooLarge, readRequest } from "./request.ts";

const advice = "choose a free port and an address of this host: -p and -i (PORT and IP)";
const lastRequestsMs = 1000;
/** Parameters are part of the head, and one of them may be a certificate with its chain and key. */
const maxHeaderSize = 2 * 1024 * 1024;

/** The control API on one address or several. */
export class ApiServer implements AsyncDisposable {
  readonly #servers: Server[] = [];

  /** Throws a DomainError when an address or port cannot be had. */
  static async listen(parts: ApiParts, addresses: readonly string[], port: number): Promise<ApiServer> {
    const api = new ApiServer();
    try {
      for (const address of addresses) {
        const server = createServer({ maxHeaderSize }, (request, response) => void handle(parts, request, response));
        api.#servers.push(server);
        await listenOn(server, { what: "the control API", port, address, advice });
      }
      return api;
    } catch (error) {
      await api[Symbol.asyncDispose]();
      throw error;
    }
  }

  get ports(): number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port);
  }

  /** Ends when the requests in progress are answered, or have had a moment for that: other replicas wait for changes. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const server of this.#servers) server.closeIdleConnections();
    const impatience = setTimeout(() => {
      for (const server of this.#servers) server.closeAllConnections();
    }, lastRequestsMs);
    await Promise.all(closing);
    clearTimeout(impatience);
  }
}

async function handle(parts: ApiParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await answerSafely(parts, request);
  if ("location" in answer) response.setHeader("Location", answer.location);
  response.writeHead(answer.status, { "Content-Type": answer.contentType });
  response.end(request.method === "HEAD" ? undefined : answer.body);
}

async function answerSafely(
  parts: ApiParts,
  incoming: IncomingMessage,
): Promise<Answer | (Answer & { readonly location: string })> {
  const request = readRequest(incoming);
  if (!request) return text(400, "400 bad request\n");
  if (request.path !== "/" && request.path.endsWith("/")) {
    const query = request.query.size > 0 ? `?${request.query}` : "";
    // never to another host: `//host/` would be one
    return { ...empty(301), location: `/${request.path.replace(/^\/+|\/+$/g, "")}${query}` };
  }
  try {
    return await answerTo(parts, request);
  } catch (err) {
    if (err instanceof BodyTooLarge) return text(413, `${err.message}\n`);
    parts.log.error({ err, path: request.path }, "request failed");
    return json(500, answerOf(500, err instanceof Error ? err.message : String(err)));
  }
}
