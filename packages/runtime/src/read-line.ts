import type { Socket } from "node:net";
import { DomainError } from "@skep/model";

/**
 * The one line a hook sends. The socket goes on flowing, so that its end is noticed: what follows the line is dropped.
 * Rejects when the line is too long, and when `signal` aborts.
 */
export function readLine(socket: Socket, longest: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onAbort = () => reject(new DomainError("invalid-parameter", "the request ended before its line did"));
    const settle = (act: () => void) => {
      socket.off("data", onData).resume();
      signal.removeEventListener("abort", onAbort);
      act();
    };
    const onData = (chunk: Buffer) => {
      const end = chunk.indexOf("\n");
      const part = end === -1 ? chunk : chunk.subarray(0, end);
      bytes += part.length;
      chunks.push(part);
      if (bytes > longest) {
        settle(() => reject(new DomainError("invalid-parameter", `a request of more than ${longest} bytes`)));
      } else if (end !== -1) settle(() => resolve(Buffer.concat(chunks).toString("utf8")));
    };
    socket.on("data", onData);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
