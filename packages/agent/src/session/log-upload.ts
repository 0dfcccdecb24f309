import { type ClientHttp2Session, constants } from "node:http2";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DomainError, logRefusalHeader, type Refusal } from "@skep/model";

/**
 * Answers a manager's request for a log: the log itself, no faster than the manager reads it, or why there is none.
 * Resolves when it is through, whichever way; the manager may also have had enough of it.
 */
export async function uploadLog(
  connection: ClientHttp2Session,
  id: string,
  open: () => Promise<Readable>,
  signal: AbortSignal,
): Promise<void> {
  const path = { ":method": "POST", ":path": `/logs/${id}` };
  let log: Readable;
  try {
    log = await open();
  } catch (error) {
    if (signal.aborted || connection.destroyed) return;
    const refusal = encodeURIComponent(JSON.stringify(refusalOf(error)));
    const stream = connection.request({ ...path, [logRefusalHeader]: refusal }, { endStream: true });
    stream.on("error", () => {});
    stream.resume();
    return;
  }
  if (signal.aborted || connection.destroyed) {
    log.destroy();
    return;
  }
  const stream = connection.request(path);
  stream.on("error", () => {});
  stream.resume();
  try {
    await pipeline(log, stream, { signal });
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    log.destroy();
  }
}

const refusalOf = (error: unknown): Refusal =>
  error instanceof DomainError
    ? { code: error.code, message: error.message }
    : { code: "internal", message: error instanceof Error ? error.message : String(error) };
