import { type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

export interface UnixRequest {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Readable;
  readonly signal?: AbortSignal;
}

/** One HTTP request over a unix socket (or tcp, when `target` is host:port); resolves with the answer's head. */
export function openOver(target: string, path: string, options: UnixRequest = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...addressOf(target),
      path,
      method: options.method ?? "GET",
      headers: { host: "docker", ...options.headers },
      ...(options.signal && { signal: options.signal }),
      agent: false,
    });
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
    const { body } = options;
    if (body === undefined || typeof body === "string") outgoing.end(body);
    else {
      body.once("error", (error) => outgoing.destroy(error));
      body.pipe(outgoing);
    }
  });
}

function addressOf(target: string) {
  if (target.startsWith("/")) return { socketPath: target };
  const { hostname, port } = new URL(`http://${target}`);
  return { host: hostname, port: port === "" ? 2375 : Number(port) };
}

export interface UnixAnswer {
  readonly status: number;
  readonly body: string;
}

/** One HTTP request over a unix socket, its whole answer read. */
export async function requestOver(target: string, path: string, options: UnixRequest = {}): Promise<UnixAnswer> {
  const answer = await openOver(target, path, options);
  let body = "";
  answer.setEncoding("utf8");
  for await (const chunk of answer) body += chunk;
  return { status: answer.statusCode ?? 0, body };
}

const retryMs = 15;

/**
 * Resolves when `GET /_ping` on the socket is answered with 200. A daemon that listens but is not ready keeps the
 * request waiting, so only the time before the socket exists is bridged by short retries.
 */
export async function untilAnswering(socketPath: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const { status } = await requestOver(socketPath, "/_ping", { signal });
      if (status === 200) return;
    } catch (error) {
      signal.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "ECONNREFUSED" && code !== "ECONNRESET") throw error;
    }
    await delay(retryMs, undefined, { signal });
  }
}
