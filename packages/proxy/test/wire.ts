import { createServer } from "node:http";
import { connect } from "node:net";
import { createInterface } from "node:readline";

// Speaks TCP from within a namespace, byte by byte as told, and is an upstream on port 9101 that tells what it was asked. Each line of
// standard input is a JSON object with an `id`, answered with a line of the same `id`:
//   { port, chunks, gapMs, waitMs }   sends the chunks (base64) so far apart; all that came back until the end, or until nothing
//                                     more has come for waitMs: { text, closed }
//   { seen: true }                    what the upstream has been asked since the last time: { seen: ["GET /a body"] }

interface Exchange {
  readonly id: number;
  readonly seen?: boolean;
  readonly port: number;
  readonly chunks: readonly string[];
  readonly gapMs: number;
  readonly waitMs: number;
}

let seen: string[] = [];

createServer({ insecureHTTPParser: true, keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on("error", () => {}).on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    seen.push(`${request.method} ${request.url} ${Buffer.concat(chunks)}`.trim());
    response.end(`recorded ${request.url}`);
  });
}).listen(9101, "0.0.0.0", () => say({ id: 0 }));

const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);

function exchange({ id, port, chunks, gapMs, waitMs }: Exchange): void {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  let timer: NodeJS.Timeout | undefined;
  const end = (closed: boolean) => {
    clearTimeout(timer);
    socket.removeAllListeners("close").destroy();
    say({ id, text, closed });
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => end(false), waitMs);
  };
  socket.setEncoding("utf8").on("error", () => {});
  socket.on("data", (data) => {
    text += data;
    wait();
  });
  socket.on("close", () => end(true));
  chunks.forEach((chunk, i) => {
    setTimeout(() => {
      if (!socket.destroyed) socket.write(Buffer.from(chunk, "base64"));
      wait();
    }, i * gapMs);
  });
}

createInterface(process.stdin).on("line", (line) => {
  const asked = JSON.parse(line) as Exchange;
  if (!asked.seen) return exchange(asked);
  say({ id: asked.id, seen });
  seen = [];
});
