import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";

// Services for a proxy to route to: node upstreams.ts [ADDRESS:]PORT... Each answers with what it was asked, as JSON, and with its address and
// port in X-Upstream; `/slow` after half a second, `/status/404` with that status. What asks for an upgrade has its bytes back.
// Prints a line when all listen.

/** RFC 6455, section 4.2.2. */
const accept = (headers: IncomingHttpHeaders) =>
  createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

const places = process.argv.slice(2).map((text) => text.split(":").reverse());

await Promise.all(
  places.map(([text, host = "0.0.0.0"]) => {
    const port = Number(text);
    const server = createServer((request, response) => {
      const { method, url = "/", headers } = request;
      const status = Number(/\/status\/(\d{3})/.exec(url)?.[1] ?? 200);
      const answer = () => {
        response.writeHead(status, {
          "Content-Type": "application/json",
          "X-Upstream": `${request.socket.localAddress}:${port}`,
        });
        response.end(JSON.stringify({ port, method, url, headers }));
      };
      if (url.includes("/slow")) setTimeout(answer, 500);
      else answer();
    });
    server.on("upgrade", ({ headers }, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept(headers)}\r\n\r\n`,
      );
      socket.on("error", () => {}).pipe(socket);
    });
    server.keepAliveTimeout = 60_000;
    return new Promise<void>((resolve) => server.listen(port, host, resolve));
  }),
);
process.stdout.write("ready\n");
