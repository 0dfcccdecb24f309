import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { EngineUnavailable, type HttpTransport, maxHeaderSize } from "@skep/engine";
import type { PassThroughOptions } from "./merged/merged-route.ts";
import { endToEnd, filterHeaders, isFramed, renderHead, statusLine } from "./raw-headers.ts";
import { startResponse } from "./send-response.ts";

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Hands a request on to the engine, and the answer back, byte for byte and at the pace of the slower side. Rejects when
 * the engine is not there, before anything was answered; whatever breaks later breaks the other side's connection too.
 */
export function passThrough(
  engine: HttpTransport,
  exchange: Exchange,
  options: PassThroughOptions = {},
): Promise<void> {
  const { request, response } = exchange;
  const body = options.body ?? request;
  const upstream = httpRequest({
    ...engine.address,
    agent: engine.agent,
    method: request.method,
    path: options.target ?? request.url,
    headers: requestHeaders(request),
    maxHeaderSize,
  });
  upstream.write(headOnly);
  body.pipe(upstream);
  upstream.on("close", () => {
    body.unpipe(upstream);
    request.resume(); // what the engine did not want to read must not block the connection
  });
  response.on("close", () => {
    if (!response.writableFinished) upstream.destroy();
  });
  relayInformation(upstream, response);
  return new Promise((resolve, reject) => {
    upstream.on("error", (cause) => {
      if (response.headersSent || response.destroyed) resolve();
      else reject(new EngineUnavailable(cause.message, { cause }));
    });
    upstream.on("response", (answer) => {
      sendAnswer(answer, exchange);
      resolve();
    });
  });
}

/** Written to send a head at once: `flushHeaders` would turn bytes beyond ASCII into UTF-8. */
const headOnly = Buffer.alloc(0);

/** Methods for which Node takes a request without framing as one without a body; for others it would add chunked. */
const bodiless = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

function requestHeaders(request: IncomingMessage): string[] {
  const headers = endToEnd(request.rawHeaders);
  if (request.httpVersionMinor === 0 && request.headers.host === undefined) headers.push("Host", "docker");
  return isFramed(headers) || bodiless.has(request.method ?? "") ? headers : [...headers, "Content-Length", "0"];
}

/** 100 Continue and its kind, ahead of the answer. */
function relayInformation(upstream: ClientRequest, response: ServerResponse): void {
  upstream.on("information", ({ statusCode, statusMessage, rawHeaders }) => {
    if (response.headersSent) return;
    response.socket?.write(renderHead(statusLine(statusCode, statusMessage), rawHeaders), "latin1");
  });
}

function sendAnswer(answer: IncomingMessage, { request, response }: Exchange): void {
  response.sendDate = false; // the engine's head says it all
  startResponse(response, answer.statusCode ?? 502, answerHeaders(answer, request), answer.statusMessage);
  response.write(headOnly);
  answer.pipe(response);
  answer.on("error", () => response.destroy());
}

function answerHeaders(answer: IncomingMessage, request: IncomingMessage): string[] {
  const headers = endToEnd(answer.rawHeaders);
  if (request.httpVersionMinor > 0) return headers;
  return filterHeaders(headers, (name) => name !== "transfer-encoding"); // HTTP/1.0 does not know chunks
}
