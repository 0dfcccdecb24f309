import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type EngineAddress, EngineUnavailable } from "@skep/engine";
import { filterHeaders, renderHead } from "./raw-headers.ts";

/**
 * Joins a client's connection and a new one to the engine, raw, in both directions, each of which ends by itself. The
 * engine answers on it: 101 and then whatever the two agreed on, or an ordinary answer, after which it hangs up.
 * Rejects when the engine is not there.
 */
export function tunnel(engine: EngineAddress, client: Duplex, head: string, firstBytes: Uint8Array): Promise<void> {
  const upstream = connectTo(engine);
  client.on("error", () => upstream.destroy());
  client.on("close", () => {
    if (!client.readableEnded) upstream.destroy(); // else what it sent may still be on its way
  });
  return new Promise((resolve, reject) => {
    upstream.on("error", (cause) => {
      if (upstream.bytesWritten > 0) client.destroy();
      reject(new EngineUnavailable(cause.message, { cause }));
    });
    upstream.on("connect", () => {
      // in one piece, as it came: what of a body reaches an attaching engine after the head, it takes for stdin
      upstream.write(Buffer.concat([Buffer.from(head, "latin1"), firstBytes]));
      client.pipe(upstream);
      upstream.pipe(client);
      resolve();
    });
  });
}

const connectTo = (engine: EngineAddress): Socket =>
  "socketPath" in engine
    ? connect({ path: engine.socketPath, allowHalfOpen: true })
    : connect({ ...engine, allowHalfOpen: true, noDelay: true });

/**
 * The head of an upgrade request as the engine is to see it. `close` makes the engine hang up after an answer that is
 * not an upgrade, so that no later request of this client can reach it through the tunnel.
 */
export function upgradeHead(request: IncomingMessage): string {
  const headers = filterHeaders(request.rawHeaders, (name) => name !== "connection");
  const start = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
  return renderHead(start, [...headers, "Connection", "Upgrade, close"]);
}
