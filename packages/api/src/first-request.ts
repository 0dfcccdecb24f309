import type { Socket } from "node:net";

/**
 * Old clients attach without asking for an upgrade: the engine answers 200 and both sides go on with raw bytes, which
 * an HTTP parser would take for the next request. Such a client uses a fresh connection, so its first head tells.
 */
export interface Hijack {
  /** As the engine is to see it: the connection is closed after an ordinary answer. */
  readonly head: string;
  /** What came behind the head. */
  readonly rest: Buffer;
}

const longestHeadBytes = 1 << 20;
const hijackingStart =
  /^POST (?:\/v[0-9.]+)?\/(?:containers\/[\w.-]+\/attach|exec\/\w+\/start)(?:\?\S*)? HTTP\/1\.[01]\r\n/;

/** What the first bytes of a connection are; `undefined` while it takes more of them to know. */
export function classifyFirstBytes(bytes: Buffer): "http" | Hijack | undefined {
  if (!couldStart(bytes, "POST ")) return "http";
  const lineEnd = bytes.indexOf("\r\n");
  if (lineEnd < 0) return bytes.length > longestHeadBytes ? "http" : undefined;
  if (!hijackingStart.test(bytes.toString("latin1", 0, lineEnd + 2))) return "http";
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return bytes.length > longestHeadBytes ? "http" : undefined;
  const lines = bytes.toString("latin1", 0, headEnd).split("\r\n");
  if (lines.some((line) => /^upgrade:/i.test(line))) return "http";
  const kept = lines.filter((line) => !/^connection:/i.test(line));
  return { head: `${[...kept, "Connection: close"].join("\r\n")}\r\n\r\n`, rest: bytes.subarray(headEnd + 4) };
}

const couldStart = (bytes: Buffer, word: string): boolean => {
  const length = Math.min(bytes.length, word.length);
  return bytes.toString("latin1", 0, length) === word.slice(0, length);
};

export interface FirstRequestHandlers {
  /** The bytes read are back in the socket. */
  http(): void;
  hijack(hijack: Hijack): void;
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
    } else handlers.hijack(kind);
  };
  socket.setTimeout(timeoutMs);
  socket.on("data", read).on("timeout", giveUp).on("error", giveUp).on("end", giveUp);
}
