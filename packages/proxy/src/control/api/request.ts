import type { IncomingMessage } from "node:http";
import { isYes } from "../../service/index.ts";

/** A request to the control API. */
export interface ApiRequest {
  readonly method: string;
  /** Without a trailing slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Of the connection's other end, without an IPv6 prefix. */
  readonly from: string;
  /** As `Authorization: Bearer` or the parameter `token`. */
  readonly token: string | undefined;
  readonly contentType: string | undefined;
  /** The body as bytes; throws BodyTooLarge. */
  readonly body: () => Promise<Buffer>;
}

export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/** A certificate with its chain is some kilobytes. */
export const largestBody = 1024 * 1024;

/** Undefined for a target that is no path. */
export function readRequest(request: IncomingMessage): ApiRequest | undefined {
  if (!request.url?.startsWith("/")) return undefined;
  const url = URL.parse(`http://proxy${request.url}`);
  if (!url) return undefined;
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  return {
    method: request.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    from: (request.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
    token: bearer ?? url.searchParams.get("token") ?? undefined,
    contentType: request.headers["content-type"],
    body: () => readBody(request),
  };
}

/** Whether a parameter of the call says yes. */
export const isSet = (query: URLSearchParams, name: string): boolean => isYes((query.get(name) ?? "").trim());

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) throw new BodyTooLarge(`the body is larger than ${largestBody} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
