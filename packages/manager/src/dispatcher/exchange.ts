import { constants, type ServerHttp2Stream } from "node:http2";
import { DomainError, type ErrorCode, type Refusal } from "@skep/model";

/** Join and renew requests are a token and a key. */
const maxBodyBytes = 64 * 1024;
const bodyTimeoutMs = 10_000;

const httpStatusOf: Record<ErrorCode, number> = {
  "invalid-parameter": 400,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  internal: 500,
  "not-implemented": 501,
  unavailable: 503,
};

/** The JSON object a call brings. Throws `invalid-parameter` for anything else, and for too much of it. */
export async function readJson(stream: ServerHttp2Stream): Promise<Readonly<Record<string, unknown>>> {
  const value = parse(await readBody(stream));
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new DomainError("invalid-parameter", "request body is no JSON object");
  return value as Readonly<Record<string, unknown>>;
}

function readBody(stream: ServerHttp2Stream): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.setTimeout(bodyTimeoutMs, () => stream.close(constants.NGHTTP2_CANCEL));
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
    else reject(new DomainError("invalid-parameter", "request body is too large"));
  });
  stream.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  stream.on("close", () => reject(new DomainError("invalid-parameter", "request body broke off")));
  // The answer may take its time.
  return promise.finally(() => stream.setTimeout(0));
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new DomainError("invalid-parameter", "request body is no JSON", { cause });
  }
}

export function respondJson(stream: ServerHttp2Stream, body: object): void {
  respond(stream, 200, body);
}

/** Errors that are not meant for the other side become `internal error`; the caller logs them. */
export function refuse(stream: ServerHttp2Stream, error: unknown): void {
  const known = error instanceof DomainError;
  const refusal: Refusal = known
    ? { code: error.code, message: error.message }
    : { code: "internal", message: "internal error" };
  respond(stream, httpStatusOf[refusal.code], refusal);
}

function respond(stream: ServerHttp2Stream, status: number, body: object): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ":status": status, "content-type": "application/json" });
  // Without waiting for the rest of a body that was refused.
  stream.end(JSON.stringify(body), () => stream.close());
  stream.resume();
}
