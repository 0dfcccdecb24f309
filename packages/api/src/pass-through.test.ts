import { once } from "node:events";
import { request as httpRequest, type IncomingMessage, type RequestListener } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Facade, readAll } from "../test/facade.ts";

const readBody = async (message: IncomingMessage) => Buffer.concat(await Array.fromAsync<Buffer>(message));

/** What Node adds to or takes from a head by itself, on the connections on both sides of the façade. */
const withoutConnection = (headers: readonly string[]) => {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!/^(connection|keep-alive)$/i.test(headers[i] ?? "")) kept.push(headers[i] ?? "", headers[i + 1] ?? "");
  }
  return kept;
};

const token = fc.stringMatching(/^X-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/);
const value = fc.stringMatching(/^[!-~\x80-\xff]([ -~\x80-\xff]{0,20}[!-~\x80-\xff])?$/);
const headers = fc.array(fc.tuple(token, value), { maxLength: 5 }).map((pairs) => pairs.flat());
const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 70_000 }), { maxLength: 4 });
const message = fc.record({ headers, pieces, chunked: fc.boolean() });
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;

const framed = ({ headers, pieces, chunked }: Message) => [
  ...headers,
  ...(chunked ? ["Transfer-Encoding", "chunked"] : ["Content-Length", String(Buffer.concat(pieces).length)]),
];

test("hands on requests and answers byte for byte, whatever their heads, bodies and chunks", async () => {
  let answer: Message & { status: number };
  let got: { method: string; url: string; headers: string[]; body: Buffer } | undefined;
  const http: RequestListener = async (request, response) => {
    const { method = "", url = "", rawHeaders } = request;
    got = { method, url, headers: withoutConnection(rawHeaders), body: await readBody(request) };
    response.sendDate = false;
    response.writeHead(answer.status, "As It Is", framed(answer));
    for (const piece of answer.pieces) response.write(piece);
    response.end();
  };
  await using facade = await Facade.start({ http, version: { ApiVersion: "1.50" } });
  const method = fc.constantFrom("POST", "PUT", "DELETE", "PATCH");
  const url = fc.stringMatching(/^\/v1\.[234]\d\/[a-r][!-"$-~]{0,20}$/).filter((path) => !/%|[.]{2}/.test(path));
  const status = fc.constantFrom(200, 201, 400, 404, 500, 599);
  await fc.assert(
    fc.asyncProperty(method, url, message, message, status, async (method, url, sent, answered, status) => {
      answer = { ...answered, status };
      const outgoing = httpRequest({
        socketPath: facade.socketPath,
        agent: false,
        method,
        path: url,
        headers: framed(sent),
      });
      for (const piece of sent.pieces) outgoing.write(piece);
      outgoing.end();
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      const body = await readBody(response);
      expect(got).toEqual({ method, url, headers: framed(sent), body: Buffer.concat(sent.pieces) });
      expect([response.statusCode, response.statusMessage]).toEqual([status, "As It Is"]);
      expect(withoutConnection(response.rawHeaders)).toEqual(framed(answered));
      expect(body.equals(Buffer.concat(answered.pieces))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test.each([
  ["an answer with its own headers only", "HTTP/1.1 200 Fine\r\nX-a: 1\r\nx-A: 2\r\nContent-Length: 2\r\n\r\nOK"],
  ["no content", "HTTP/1.1 204 No Content\r\nApi-Version: 1.41\r\n\r\n"],
  ["not modified", "HTTP/1.1 304 Not Modified\r\nServer: Docker/20.10 (linux)\r\n\r\n"],
  ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
])("adds nothing to %s", async (_, answer) => {
  await using facade = await Facade.start({ raw: answering(answer) });
  const client = facade.connect();
  client.write("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
  const received = await readBytes(client, answer.length);
  expect(received).toBe(answer);
  client.destroy();
});

test("ends a body without framing by closing, as the engine did", async () => {
  const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nraw";
  await using facade = await Facade.start({ raw: answering(answer, "end") });
  expect(await facade.exchange("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")).toBe(
    answer.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
  );
});

test("spares clients of HTTP/1.0 the chunks", async () => {
  await using facade = await Facade.start({ http: (_, response) => response.write("abc", () => response.end("def")) });
  const received = await facade.exchange("GET /x HTTP/1.0\r\n\r\n");
  expect(received).toMatch(/\r\n\r\nabcdef$/);
  expect(received).not.toMatch(/transfer-encoding/i);
});

test("keeps a connection for the next request", async () => {
  await using facade = await Facade.start({ http: (request, response) => response.end(request.url) });
  const client = facade.connect();
  client.write("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect((await readAll(client)).toString()).toMatch(/\/a.*\/b/s);
});

test("relays 100 Continue when the engine gives it, and not before", async () => {
  const asked = Promise.withResolvers<void>();
  const raw = (engine: Socket) => {
    engine.once("data", async () => {
      await asked.promise;
      engine.write("HTTP/1.1 100 Continue\r\n\r\n");
      engine.once("data", (body) => engine.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
    });
  };
  await using facade = await Facade.start({ raw });
  const client = facade.connect();
  client.write(
    "POST /build HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
  );
  asked.resolve();
  const first = await readBytes(client, 25);
  expect(first).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  client.write("body");
  expect((await readAll(client)).toString()).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n\r\nbody$/s);
});

test("lets the engine answer before it has read the request", async () => {
  await using facade = await Facade.start({
    http: (_, response) => response.writeHead(400, { Connection: "close" }).end("no"),
  });
  const outgoing = httpRequest({ socketPath: facade.socketPath, agent: false, method: "POST", path: "/build" });
  outgoing.on("error", () => {});
  outgoing.write("start");
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  expect((await readBody(response)).toString()).toBe("no");
  outgoing.destroy();
});

test("drops the engine's side when the client goes away, in the middle of either body", async () => {
  const dropped: string[] = [];
  const bothDropped = Promise.withResolvers<void>();
  const http: RequestListener = (request, response) => {
    request.on("error", () => {});
    request.resume();
    response.on("close", () => {
      dropped.push(request.url ?? "");
      if (dropped.length === 2) bothDropped.resolve();
    });
    if (request.url === "/logs") response.write("line\n");
  };
  await using facade = await Facade.start({ http });
  const reader = facade.connect();
  reader.write("GET /logs HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(reader, "data");
  reader.destroy();
  const sender = facade.connect();
  sender.write("POST /load HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc");
  await sleep(20);
  sender.destroy();
  await bothDropped.promise;
  expect(dropped.sort()).toEqual(["/load", "/logs"]);
});

test("breaks the client's connection when the engine breaks off, so that nothing looks complete", async () => {
  await using facade = await Facade.start({
    http: (_, response) => void response.write("part", () => setImmediate(() => response.destroy())),
  });
  const outgoing = httpRequest({ socketPath: facade.socketPath, agent: false, path: "/logs" }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  await expect(readBody(response)).rejects.toThrow("aborted");
});

test("takes no more from the engine than a slow client reads, nor more from a client than a slow engine", async () => {
  const limit = 8 << 20;
  const flood = (write: (chunk: Buffer) => boolean, socket: { once(event: "drain", then: () => void): unknown }) => {
    const sent = { bytes: 0 };
    const chunk = Buffer.alloc(1 << 16);
    const more = () => {
      while (sent.bytes < 4 * limit) {
        sent.bytes += chunk.length;
        if (!write(chunk)) return void socket.once("drain", more);
      }
    };
    more();
    return sent;
  };
  let toClient = { bytes: 0 };
  const http: RequestListener = (request, response) => {
    if (request.url === "/save") toClient = flood((chunk) => response.write(chunk), response);
  };
  await using facade = await Facade.start({ http });
  const reader = facade.connect().pause();
  reader.write("GET /save HTTP/1.1\r\nHost: x\r\n\r\n");
  const sender = httpRequest({ socketPath: facade.socketPath, agent: false, method: "POST", path: "/load" });
  sender.on("error", () => {});
  const toEngine = flood((chunk) => sender.write(chunk), sender);
  await settled(() => toClient.bytes + toEngine.bytes);
  expect(toClient.bytes).toBeLessThan(limit);
  expect(toEngine.bytes).toBeLessThan(limit);
  reader.destroy();
  sender.destroy();
});

/** Resolves when `measure` is positive and has stayed the same for a while. */
async function settled(measure: () => number): Promise<void> {
  for (let last = -1, now = 0, same = 0; same < 5; last = now) {
    await sleep(20);
    now = measure();
    same = now > 0 && now === last ? same + 1 : 0;
  }
}

/** A raw engine that answers every connection's first request with `answer`. */
const answering = (answer: string, then?: "end") => (engine: Socket) => {
  engine.once("data", () => (then ? engine.end(answer, "latin1") : engine.write(answer, "latin1")));
};

async function readBytes(socket: Socket, length: number): Promise<string> {
  let text = "";
  while (text.length < length) text += (await once(socket, "data"))[0].toString("latin1");
  return text;
}
