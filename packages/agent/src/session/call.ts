import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { DomainError, type ErrorCode, rpcError } from "@skep/model";
import { connect, type Target } from "./connection.ts";

const maxAnswerBytes = 1024 * 1024;

/**
 * One call on a connection of its own, with a JSON body both ways. Rejects with the manager's refusal as it is, or
 * `unavailable` when the connection breaks first.
 */
export async function callManager<T>(target: Target, method: "GET" | "POST", path: string, body?: object): Promise<T> {
  const connection = await connect(target);
  try {
    return answerOf<T>(await exchange(connection, { method, path, ...(body && { body }) }, target.signal));
  } finally {
    closeSoon(connection);
  }
}

export interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Rejects with `unavailable` when the connection breaks before the answer is there, whichever it is. */
export async function exchange(connection: ClientHttp2Session, call: Call, signal: AbortSignal): Promise<Answer> {
  try {
    const stream = connection.request({ ":method": call.method, ":path": call.path }, { signal });
    stream.end(call.body && JSON.stringify(call.body));
    const status = await statusOf(stream);
    return { status, text: await textOf(stream) };
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof DomainError ? error : brokenOff(error);
  }
}

/** Throws the manager's refusal as it is. */
export function answerOf<T>({ status, text }: Answer): T {
  if (status !== 200) throw refusalOf(status, text);
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw brokenOff(cause);
  }
}

/** The `:status` of the answer. Rejects when there is none. */
export function statusOf(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.once("response", (headers) => resolve(headers[":status"] ?? 0));
    stream.once("error", reject);
    stream.once("close", () => reject(brokenOff()));
  });
}

/** The whole answer; an answer without end is cut off. */
export async function textOf(stream: ClientHttp2Stream): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new DomainError("internal", "the manager's answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** What a manager refused a call with. */
export function refusalOf(status: number, body: string): DomainError {
  try {
    const { code, message } = JSON.parse(body);
    return new DomainError(code as ErrorCode, String(message));
  } catch (cause) {
    return new DomainError("internal", `the manager answered with status ${status}`, { cause });
  }
}

const brokenOff = (cause?: unknown): DomainError =>
  rpcError("Unavailable", 'connection error: desc = "transport: the connection was closed"', { cause });

function closeSoon(connection: ClientHttp2Session): void {
  connection.close();
  connection.setTimeout(1000, () => connection.destroy(undefined, constants.NGHTTP2_CANCEL));
}
