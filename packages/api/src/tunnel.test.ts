import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { Facade, readAll } from "../test/facade.ts";
import { tunnel } from "./tunnel.ts";

const upgrade =
  "POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n";
const hijack = "POST /v1.41/containers/x/attach?stdin=1 HTTP/1.1\r\nHost: x\r\n\r\n";

/** An engine that gives back, behind `head`, everything it got after `expected`, once the client has ended. */
const echoAtEnd = (head: string, expected: (received: string) => string) => (engine: Socket) => {
  const received: Buffer[] = [];
  engine.on("data", (chunk) => {
    if (received.length === 0) engine.write(head);
    received.push(chunk);
  });
  engine.on("end", () => engine.end(expected(Buffer.concat(received).toString("latin1"))));
};

const afterHead = (received: string) => received.slice(received.indexOf("\r\n\r\n") + 4);
const switching = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

test("joins both directions of an upgrade; the client's end is passed on while the engine still talks", async () => {
  await using facade = await Facade.start({ raw: echoAtEnd(switching, afterHead) });
  const client = facade.connect();
  client.write(`${upgrade}{}early`);
  await once(client, "data");
  client.end("late");
  expect((await readAll(client)).toString()).toBe("{}earlylate");
});

test("passes the engine's end on while the client still talks", async () => {
  const got = Promise.withResolvers<string>();
  const raw = (engine: Socket) => {
    const chunks: Buffer[] = [];
    engine.once("data", () => engine.end(`${switching}bye`));
    engine.on("data", (chunk) => chunks.push(chunk));
    engine.on("end", () => got.resolve(Buffer.concat(chunks).toString()));
  };
  await using facade = await Facade.start({ raw });
  const client = facade.connect();
  client.write(`${upgrade}{}`);
  expect((await readAll(client)).toString()).toBe(`${switching}bye`);
  client.end("still here");
  expect(await got.promise).toMatch(/\{\}still here$/);
});

test("hands the request's head on, and has the engine close if it does not upgrade", async () => {
  await using facade = await Facade.start({ raw: echoAtEnd("HTTP/1.1 404 Not Found\r\n\r\n", (received) => received) });
  const client = facade.connect();
  client.end(`${upgrade}{}`);
  const received = (await readAll(client)).toString();
  expect(received).toBe(
    `HTTP/1.1 404 Not Found\r\n\r\nPOST /exec/x/start HTTP/1.1\r\nHost: x\r\nUpgrade: tcp\r\nContent-Length: 2\r\nConnection: Upgrade, close\r\n\r\n{}`,
  );
});

test("sends head and body in one piece: the engine takes what comes later for stdin", async () => {
  const folder = await mkdtemp(join(tmpdir(), "skep-tunnel-"));
  const socketPath = join(folder, "engine");
  // in a thread of its own, or it would read only after both were written
  const engine = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
    const server = require("node:net").createServer((socket) => socket.once("data", (first) => {
      parentPort.postMessage(first.toString());
      socket.destroy();
    }));
    server.listen(workerData, () => parentPort.postMessage("listening"));`,
    { eval: true, workerData: socketPath },
  );
  await once(engine, "message");
  for (let i = 0; i < 200; i++) {
    const got = once(engine, "message");
    await tunnel({ socketPath }, new PassThrough(), upgrade, Buffer.from("{}"));
    expect(await got).toEqual([`${upgrade}{}`]);
  }
  await engine.terminate();
  await rm(folder, { recursive: true });
});

test("upgrades on a connection that has served other requests", async () => {
  await using facade = await Facade.start({
    http: (_, response) => response.end("ordinary"),
  });
  const client = facade.connect();
  client.write("GET /containers/json HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(client, "data");
  client.write("POST /exec/x/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  expect((await readAll(client)).toString()).toMatch(/ordinary$/); // and then the engine hangs up, for it was told to
});

test("answers its own routes to clients that offer an upgrade by habit", async () => {
  await using facade = await Facade.start();
  const headers = {
    Connection: "Upgrade, HTTP2-Settings",
    Upgrade: "h2c",
    "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA",
  };
  const outgoing = httpRequest({ socketPath: facade.socketPath, agent: false, path: "/_ping", headers }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  response.resume();
});

test("serves old clients that attach without an upgrade, stdin that looks like a request included", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
  await using facade = await Facade.start({ raw: echoAtEnd(head, afterHead) });
  const client = facade.connect();
  for (const part of [hijack.slice(0, 20), hijack.slice(20), "GET /swarm HTTP/1.1\r\n\r\n"]) client.write(part);
  await once(client, "data");
  client.end("more");
  expect((await readAll(client)).toString()).toBe("GET /swarm HTTP/1.1\r\n\r\nmore");
});

test.each([upgrade, hijack])("says when there is no engine to join", async (request) => {
  await using facade = await Facade.start();
  await facade.stopEngine();
  expect(await facade.exchange(request)).toMatch(
    /^HTTP\/1.1 503 Service Unavailable\r\n.*\r\n\r\n\{"message":"skepd cannot reach the Docker Engine at .*--engine"\}\n$/s,
  );
});

test("drops the engine's side when the client vanishes", async () => {
  const gone = Promise.withResolvers<void>();
  const raw = (engine: Socket) => {
    engine.once("data", () => engine.write(switching));
    engine.on("close", () => gone.resolve()).on("end", () => gone.resolve());
  };
  await using facade = await Facade.start({ raw });
  const client = facade.connect();
  client.write(upgrade);
  await once(client, "data");
  client.destroy();
  await gone.promise;
});

test("holds neither side's bytes beyond what the other reads", async () => {
  const limit = 8 << 20;
  let taken = 0;
  const raw = (engine: Socket) => {
    engine.once("data", () => {
      engine.pause();
      engine.write(switching);
    });
  };
  await using facade = await Facade.start({ raw });
  const client = facade.connect();
  client.write(upgrade);
  await once(client, "data");
  const chunk = Buffer.alloc(1 << 16);
  while (client.write(chunk) && taken < 4 * limit) taken += chunk.length;
  for (let stuck = false; !stuck && taken < 4 * limit; ) {
    const drained = await Promise.race([once(client, "drain").then(() => true), pause(200)]);
    stuck = drained === undefined;
    while (!stuck && taken < 4 * limit && client.write(chunk)) taken += chunk.length;
  }
  expect(taken).toBeLessThan(limit);
  client.destroy();
});

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
