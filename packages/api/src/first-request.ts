import type { Socket } from "node:net";

/**
 * A connection's first request, when it is one to be handed on as raw bytes together with all that follows it:
 * - old clients attach without asking for an upgrade: the engine answers 200 and both sides go on with raw bytes, which
 *   an HTTP parser would take for the next request;
 * - bodies of whole images: taking their framing apart and putting it together again costs three times the CPU.
 */
export interface RawRequest {
  /** As the engine is to see it: told to close after its answer, so that no later request can reach it this way. */
  readonly head: string;
  /** What came behind the head. */
  readonly rest: Buffer;
}

const hijacking = "POST [VERSION]/(?:containers/[\\w.-]+/attach|exec/\\w+/start)";
const bulk = [
  "POST [VERSION]/(?:build|images/load|images/create)",
  "GET [VERSION]/(?:images/(?:[\\w.:/@-]+/)?get|containers/[\\w.-]+/(?:export|archive))",
  "PUT [VERSION]/containers/[\\w.-]+/archive",
];
/** No `..` and no escapes: what the engine's router would make of them is not to be guessed here. */
const rawStart = new RegExp(
  `^(?!\\S* \\S*\\.\\.)(?:${[hijacking, ...bulk].join("|")})(?:\\?\\S*)? HTTP/1\\.[01]\\r\\n`.replaceAll(
    "[VERSION]",
    "(?:/v[0-9.]+)?",
  ),
);

const longestHeadBytes = 1 << 20;

/** What the first bytes of a connection are; `undefined` while it takes more of them to know. */
export function classifyFirstBytes(bytes: Buffer): "http" | RawRequest | undefined {
  if (!"GP".includes(String.fromCharCode(bytes[0] ?? 0))) return "http";
  const lineEnd = bytes.indexOf("\r\n");
  if (lineEnd < 0) return bytes.length > longestHeadBytes ? "http" : undefined;
  if (!rawStart.test(bytes.toString("latin1", 0, lineEnd + 2))) return "http";
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return bytes.length > longestHeadBytes ? "http" : undefined;
  const lines = bytes.toString("latin1", 0, headEnd).split("\r\n");
  if (lines.some((line) => /^upgrade:/i.test(line))) return "http";
  const kept = lines.filter((line) => !/^connection:/i.test(line));
  return { head: `${[...kept, "Connection: close"].join("\r\n")}\r\n\r\n`, rest: bytes.subarray(headEnd + 4) };
}

export interface FirstRequestHandlers {
  /** The bytes read are back in the socket. */
  http(): void;
  raw(request: RawRequest): void;
}

/** Reads as much of a new connection as it takes to know whom it is for; gives up on a silent one after `timeoutMs`. */
export function routeFirstRequest(socket: Socket, timeoutMs: number, handlers: FirstRequestHandlers): void {
  let bytes: Buffer = Buffer.alloc(0);
  const giveUp = () => socket.destroy();
  const read = (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const kind = classifyFirstBytes(bytes);
    if (kind === undefined) return;
    socket.pause();
    socket.off("data", read).off("timeout", giveUp).off("error", giveUp).off("end", giveUp);
    socket.setTimeout(0);
    if (kind === "http") {
      socket.unshift(bytes);
      handlers.http();
      socket.resume();
    } else handlers.raw(kind);
  };
  socket.setTimeout(timeoutMs);
  socket.on("data", read).on("timeout", giveUp).on("error", giveUp).on("end", giveUp);
}
