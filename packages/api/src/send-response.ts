import type { ServerResponse } from "node:http";
import { isFramed } from "./raw-headers.ts";
import type { ApiResponse, StreamResponse } from "./router.ts";

/** Writes a head without anything that Node would add about the connection; without framing it ends the body by closing. */
export function startResponse(response: ServerResponse, status: number, headers: string[], statusText?: string): void {
  const bodiless = response.req.method === "HEAD" || status === 204 || status === 304;
  response.removeHeader("connection");
  response.removeHeader("transfer-encoding");
  if (!isFramed(headers) && !bodiless) response.shouldKeepAlive = false;
  if (!response.shouldKeepAlive) headers.push("Connection", "close");
  if (statusText === undefined) response.writeHead(status, headers);
  else response.writeHead(status, statusText, headers);
}

/** Sends an answer of skep's own; resolves when it was handed to the connection. */
export async function sendResponse(
  response: ServerResponse,
  answer: ApiResponse,
  common: Readonly<Record<string, string>>,
): Promise<void> {
  if ("stream" in answer) return sendStream(response, answer, common);
  const { type, body } = render(answer);
  const { Connection, ...headers }: Readonly<Record<string, string>> = {
    ...common,
    ...(type ? { "Content-Type": type } : {}),
    ...answer.headers,
  };
  if (Connection === "close") response.shouldKeepAlive = false;
  startResponse(response, answer.status, flatten({ ...headers, "Content-Length": String(body.length) }));
  response.end(response.req.method === "HEAD" ? undefined : body);
}

function render(answer: Exclude<ApiResponse, StreamResponse>): { type?: string; body: Buffer } {
  if ("json" in answer) return { type: "application/json", body: Buffer.from(`${JSON.stringify(answer.json)}\n`) };
  if ("text" in answer) return { type: "text/plain; charset=utf-8", body: Buffer.from(answer.text) };
  return { body: Buffer.alloc(0) };
}

async function sendStream(
  response: ServerResponse,
  answer: StreamResponse,
  common: Readonly<Record<string, string>>,
): Promise<void> {
  const framing = response.req.httpVersionMinor === 0 ? {} : { "Transfer-Encoding": "chunked" };
  startResponse(response, answer.status, flatten({ ...common, ...answer.headers, ...framing }));
  response.flushHeaders();
  try {
    await answer.stream((chunk) => writeChunk(response, chunk));
    response.end();
  } catch (error) {
    response.destroy();
    throw error;
  }
}

function writeChunk(response: ServerResponse, chunk: string | Uint8Array): Promise<void> {
  if (response.destroyed) return Promise.reject(new ClientGone());
  if (response.write(chunk)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      response.off("drain", drained).off("close", closed);
      done();
    };
    const drained = settle(resolve);
    const closed = settle(() => reject(new ClientGone()));
    response.on("drain", drained).on("close", closed);
  });
}

/** Whoever was writing may stop. */
class ClientGone extends Error {
  override readonly name = "ClientGone";
  constructor() {
    super("the client has closed the connection");
  }
}

const flatten = (headers: Readonly<Record<string, string>>): string[] => Object.entries(headers).flat();
