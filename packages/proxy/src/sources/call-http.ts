import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { DomainError } from "@skep/model";

export interface HttpCall {
  readonly method: string;
  readonly url: URL;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** A list of some thousand services is a few megabytes. */
const mostBytes = 32 * 1024 * 1024;
const mostRedirects = 5;

/**
 * One call to another program of the cluster, over a connection of its own. Follows redirects of GET and HEAD, as Go's client
 * does that such programs were written for. Rejects when there is no whole answer, or with the signal's reason.
 */
export async function callHttp(call: HttpCall): Promise<HttpAnswer> {
  let { url } = call;
  for (let redirects = 0; ; redirects++) {
    const response = await open({ ...call, url });
    const body = await readBody(response, call.signal);
    const status = response.statusCode ?? 0;
    const next = status >= 301 && status <= 308 && redirects < mostRedirects ? response.headers.location : undefined;
    const target = next === undefined || !/^(GET|HEAD)$/.test(call.method) ? null : URL.parse(next, url.href);
    if (target === null || !isHttp(target)) return { status, body };
    url = target;
  }
}

export const isHttp = ({ protocol }: URL): boolean => protocol === "http:" || protocol === "https:";

function open({ method, url, body, headers, signal }: HttpCall): Promise<IncomingMessage> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const length = body ? { "Content-Length": String(body.length) } : {};
  const options: RequestOptions = { method, agent: false, signal, headers: { ...headers, ...length } };
  const request = url.protocol === "https:" ? requestHttps(url, options) : requestHttp(url, options);
  request.once("response", resolve);
  request.on("error", (error) => reject(signal.aborted ? signal.reason : error));
  request.end(body);
  return promise;
}

async function readBody(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += chunk.length;
      if (bytes > mostBytes) throw new DomainError("unavailable", `an answer of more than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
  return Buffer.concat(chunks).toString();
}
