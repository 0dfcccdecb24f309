import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { FakeClock } from "@skep/testkit";
import { afterEach, expect, test } from "vitest";
import { isNotAManager, isStale, SwarmClient } from "./swarm-client.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const never = new AbortController().signal;

/** An engine on tcp that speaks `version`; everything but pings is answered by `answer`. */
async function startEngine(answer: RequestListener, clock = new FakeClock()) {
  const engine = { version: "1.41" as string | undefined, asked: [] as string[], bodies: [] as string[], target: "" };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    engine.asked.push(`${request.method} ${request.url}`);
    engine.bodies.push(body);
    if (engine.version !== undefined) response.setHeader("Api-Version", engine.version);
    if (request.url === "/_ping") response.end("OK");
    else answer(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  engine.target = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new SwarmClient(engine.target, clock);
  cleanups.push(() => {
    client[Symbol.dispose]();
    server.closeAllConnections();
    server.close();
  });
  return { engine, client, clock };
}

const message =
  (status: number, text: string): RequestListener =>
  (_, response) =>
    response.writeHead(status).end(JSON.stringify({ message: text }));

test("speaks the engine's newest version, and asks for it once", async () => {
  const { engine, client } = await startEngine((_, response) => response.end("[]"));
  engine.version = "1.52";
  await Promise.all([client.nodes(never), client.services({}, never)]);
  await client.tasks({ service: ["web"] }, never);
  expect(engine.asked.sort()).toEqual([
    "GET /_ping",
    "GET /v1.52/nodes",
    "GET /v1.52/services",
    "GET /v1.52/tasks?filters=%7B%22service%22%3A%5B%22web%22%5D%7D",
  ]);
});

test("asks again for the version when the engine no longer speaks it", async () => {
  const { engine, client } = await startEngine((request, response) => {
    if (request.url?.startsWith("/v1.52/")) response.writeHead(400).end('{"message":"client version 1.52 is too new"}');
    else response.end("[]");
  });
  engine.version = "1.52";
  await expect(client.nodes(never)).rejects.toThrow("client version 1.52 is too new");
  engine.version = "1.41";
  expect(await client.nodes(never)).toEqual([]);
});

test("an engine that does not tell its version is an error", async () => {
  const { engine, client } = await startEngine((_, response) => response.end("[]"));
  engine.version = undefined;
  await expect(client.nodes(never)).rejects.toThrow("the engine does not tell its API version");
});

test("a spec goes back as it came, numbers that no double holds included", async () => {
  const spec = '{"Name":"web","UpdateConfig":{"Delay":9223372036854775807,"MaxFailureRatio":0.1},"New":{"x":1.0}}';
  const { engine, client } = await startEngine((_, response) =>
    response.end(`{"ID":"s1","Version":{"Index":7},"Spec":${spec}}`),
  );
  const service = await client.service("web", never);
  if (!service) throw new Error("no service");
  await client.updateService("s1", service.Version.Index, service.Spec, never);
  expect(engine.asked.at(-1)).toBe("POST /v1.41/services/s1/update?version=7");
  expect(engine.bodies.at(-1)).toBe(spec);
});

test("what does not exist is undefined", async () => {
  const { client } = await startEngine(message(404, "service web not found"));
  expect(await client.service("web", never)).toBeUndefined();
  expect(await client.node("n1", never)).toBeUndefined();
});

test("tells a node that is no manager, and a version that is outdated, from other errors", async () => {
  const errorOf = async (status: number, text: string) => {
    const { client } = await startEngine(message(status, text));
    return client.services({}, never).catch((error: unknown) => error);
  };
  const worker = await errorOf(503, "This node is not a swarm manager. Worker nodes can't be used to view");
  const locked = await errorOf(503, "Swarm is encrypted and needs to be unlocked before it can be used.");
  const stale = await errorOf(500, "rpc error: code = Unknown desc = update out of sequence");
  expect([worker, locked, stale].map(isNotAManager)).toEqual([true, false, false]);
  expect([worker, locked, stale].map(isStale)).toEqual([false, false, true]);
});

test("does not wait longer than 10 s for a manager without a quorum", async () => {
  const { engine, client, clock } = await startEngine(() => {});
  const services = expect(client.services({}, never)).rejects.toThrow("GET /services: no answer within 10 s");
  await expect.poll(() => engine.asked).toHaveLength(2);
  await clock.advanceAsync(10_000);
  await services;
  expect(clock.pending).toBe(0);
});

test("gives events as they come, across chunks, until the signal aborts", async () => {
  const { client } = await startEngine((_, response) => {
    response.write('{"Type":"service","Action":"create","Actor":{"ID":"s1"}}\n{"Type":"ser');
    setTimeout(() => response.write('vice","Action":"update","Actor":{"ID":"s2"}}\n'), 10);
  });
  const ending = new AbortController();
  let opened = false;
  const ids: string[] = [];
  const onOpen = () => {
    opened = true;
  };
  const reading = (async () => {
    for await (const { Actor } of client.events({ type: ["service"] }, ending.signal, onOpen)) ids.push(Actor.ID);
  })();
  await expect.poll(() => ids).toEqual(["s1", "s2"]);
  expect(opened).toBe(true);
  ending.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
});
