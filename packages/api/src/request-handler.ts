import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { describeAddress, EngineUnavailable, type HttpTransport } from "@skep/engine";
import type { Logger } from "@skep/model";
import { apiRequest, type Exchange } from "./api-request.ts";
import { type EngineIdentity, type Identity, identityHeaders, versionProblem } from "./engine-identity.ts";
import { type ErrorAnswer, errorAnswer, errorResponse } from "./error-response.ts";
import type { RawRequest } from "./first-request.ts";
import type { MergedRoute } from "./merged/merged-route.ts";
import { passThrough } from "./pass-through.ts";
import { renderHead, statusLine } from "./raw-headers.ts";
import { createRouter, type RouteMatch, type Router } from "./router.ts";
import { sendResponse } from "./send-response.ts";
import { isSwarmScoped, parseTarget, type Target } from "./target.ts";
import { tunnel, upgradeHead } from "./tunnel.ts";

export interface RequestHandlerOptions {
  readonly engine: HttpTransport;
  readonly identity: EngineIdentity;
  readonly routes: readonly MergedRoute[];
  readonly logger: Logger;
}

/** Decides who answers a request: one of skep's routes, or the engine. */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #router: Router<MergedRoute>;
  readonly #inHand = new Set<AbortController>();

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
    this.#router = createRouter(options.routes);
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = parseTarget(request.url ?? "");
    if (!target) return sendResponse(response, errorResponse(400, "malformed request target"), {});
    try {
      await this.#dispatch({ request, response, target });
    } catch (error) {
      await this.#sendError(error, response, target);
    }
  }

  /** Aborts what routes are doing, so that their streams end. */
  abortAll(): void {
    for (const controller of this.#inHand) controller.abort();
  }

  /** True for a request that skep answers, whatever it wants to upgrade to. */
  isOwn(request: IncomingMessage): boolean {
    const target = parseTarget(request.url ?? "");
    if (!target) return true;
    return isSwarmScoped(target.path) || this.#router(request.method ?? "", target.path) !== undefined;
  }

  /** Hands a connection on that is to become something else than HTTP; `firstBytes` came behind the request's head. */
  upgrade(request: IncomingMessage, client: Duplex, firstBytes: Buffer): Promise<void> {
    return this.#tunnel(client, upgradeHead(request), firstBytes);
  }

  passRaw(client: Socket, { head, rest }: RawRequest): Promise<void> {
    return this.#tunnel(client, head, rest);
  }

  async #tunnel(client: Duplex, head: string, firstBytes: Buffer): Promise<void> {
    try {
      await tunnel(this.#options.engine.address, client, head, firstBytes);
    } catch (error) {
      const { status, message } = this.#explain(error);
      const body = `${JSON.stringify({ message })}\n`;
      const length = String(Buffer.byteLength(body));
      const headers = ["Content-Type", "application/json", "Content-Length", length, "Connection", "close"];
      client.end(renderHead(statusLine(status, STATUS_CODES[status]), headers) + body);
    }
  }

  async #dispatch(exchange: Exchange): Promise<void> {
    const { request, response, target } = exchange;
    const match = this.#router(request.method ?? "", target.path);
    if (!match && isSwarmScoped(target.path)) return sendResponse(response, errorResponse(404, "page not found"), {});
    const identity = await this.#options.identity.current();
    const problem = target.version === undefined ? undefined : versionProblem(target.version, identity);
    if (problem !== undefined) {
      const { "Docker-Experimental": _, ...common } = identityHeaders(identity);
      return sendResponse(response, errorResponse(400, problem, target.version), common);
    }
    if (!match) return passThrough(this.#options.engine, exchange);
    return this.#answer(exchange, match, identity);
  }

  async #answer(exchange: Exchange, { route, params }: RouteMatch<MergedRoute>, identity: Identity): Promise<void> {
    const { response } = exchange;
    const gone = new AbortController();
    this.#inHand.add(gone);
    response.on("close", () => {
      this.#inHand.delete(gone);
      if (!response.writableFinished) gone.abort();
    });
    const answer = await route.handle(apiRequest(exchange, params, identity, gone.signal));
    if ("passThrough" in answer) return passThrough(this.#options.engine, exchange, answer.passThrough);
    // The route may have found out anew who the engine is.
    await sendResponse(response, answer, identityHeaders(await this.#options.identity.current()));
  }

  async #sendError(error: unknown, response: ServerResponse, target: Target): Promise<void> {
    if (response.destroyed || response.headersSent) {
      this.#options.logger.debug({ err: error, path: target.path }, "answer broken off");
      response.destroy();
      return;
    }
    const { status, message } = this.#explain(error);
    const common = identityHeaders(await this.#options.identity.current());
    await sendResponse(response, errorResponse(status, message, target.version), common);
  }

  #explain(error: unknown): ErrorAnswer {
    if (!(error instanceof EngineUnavailable)) return errorAnswer(error, this.#options.logger);
    const engine = describeAddress(this.#options.engine.address);
    return { status: 503, message: `skepd cannot reach the Docker Engine at ${engine}: start it, or pass --engine` };
  }
}
