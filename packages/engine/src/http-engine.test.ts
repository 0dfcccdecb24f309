import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { HttpEngine } from "./http-engine.ts";

interface Fake {
  readonly engine: HttpEngine;
  readonly server: Server;
  readonly socketPath: string;
  readonly seen: string[];
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** An engine that answers /version by itself and everything else with `answer`. */
async function fakeEngine(answer: RequestListener, version: object = { ApiVersion: "1.41" }): Promise<Fake> {
  const folder = await mkdtemp(join(tmpdir(), "skep-engine-"));
  const socketPath = join(folder, "d.sock");
  const seen: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/version") return response.end(JSON.stringify(version));
    seen.push(`${request.method} ${decodeURIComponent(request.url ?? "")}`);
    return answer(request, response);
  });
  server.listen(socketPath);
  await once(server, "listening");
  const engine = new HttpEngine(socketPath);
  cleanups.push(async () => {
    engine.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });
  return { engine, server, socketPath, seen };
}

const never = () => new AbortController().signal;

test("asks for containers by label", async () => {
  const { engine, seen } = await fakeEngine((_, response) => response.end("[]"));
  await engine.listContainers({ all: true, labels: ["a=b"] });
  expect(seen).toEqual(['GET /v1.41/containers/json?all=1&filters={"label":["a=b"]}']);
});

test("speaks a newer version when the engine has forgotten 1.41", async () => {
  const { engine, seen } = await fakeEngine((_, response) => response.end("{}"), {
    ApiVersion: "1.52",
    MinAPIVersion: "1.44",
  });
  await engine.info();
  expect(seen).toEqual(["GET /v1.44/info"]);
});

test("sends a container's config as JSON", async () => {
  let body = "";
  const { engine, seen } = await fakeEngine(async (request, response) => {
    for await (const chunk of request) body += chunk;
    response.writeHead(201).end('{"Id":"c1"}');
  });
  expect(await engine.createContainer("web.1.x", { Image: "é" })).toEqual({ Id: "c1" });
  expect(seen).toEqual(["POST /v1.41/containers/create?name=web.1.x"]);
  expect(body).toBe('{"Image":"é"}');
});

test("passes the engine's own message on", async () => {
  const { engine } = await fakeEngine((_, response) =>
    response.writeHead(404).end('{"message":"No such container: x"}'),
  );
  await expect(engine.startContainer("x")).rejects.toMatchObject({
    name: "EngineError",
    status: 404,
    message: "No such container: x",
  });
});

test("takes a stopped container as stopped and a removed one as removed", async () => {
  const { engine, seen } = await fakeEngine((request, response) =>
    response.writeHead(request.method === "DELETE" ? 404 : 304).end(),
  );
  await engine.stopContainer("x", 10);
  await engine.removeContainer("x", { force: true });
  expect(seen).toEqual(["POST /v1.41/containers/x/stop?t=10", "DELETE /v1.41/containers/x?v=1&force=1"]);
});

test("finds no image where there is none", async () => {
  const { engine, seen } = await fakeEngine((_, response) => response.writeHead(404).end("{}"));
  expect(await engine.inspectImage("r.example:5000/a/b:1")).toBeUndefined();
  expect(seen).toEqual(["GET /v1.41/images/r.example:5000/a/b:1/json"]);
});

test("pulls with the credentials it is given", async () => {
  let auth: unknown;
  const { engine, seen } = await fakeEngine((request, response) => {
    auth = request.headers["x-registry-auth"];
    response.end('{"status":"Pulling"}\n{"status":"Done"}\n');
  });
  await engine.pullImage("alpine:3", "secret", never());
  expect(auth).toBe("secret");
  expect(seen).toEqual(["POST /v1.41/images/create?fromImage=alpine&tag=3"]);
});

test("rejects a pull with the registry's words, though its status was 200", async () => {
  const { engine } = await fakeEngine((_, response) =>
    response.end('{"status":"Pulling"}\n{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}\n'),
  );
  await expect(engine.pullImage("alpine", undefined, never())).rejects.toThrow("manifest unknown");
});

test("says where nothing answers", async () => {
  const engine = new HttpEngine("/nonexistent/d.sock");
  await expect(engine.info()).rejects.toMatchObject({
    name: "EngineUnavailable",
    message: expect.stringContaining("cannot reach the Docker Engine at /nonexistent/d.sock: "),
  });
});

test("yields events until its signal aborts, then lets the connection go", async () => {
  const gone = Promise.withResolvers<void>();
  const { engine, seen } = await fakeEngine((_, response) => {
    response.on("close", gone.resolve);
    response.write('{"Type":"container","Action":"die"}\n{"Type":"con');
    response.write('tainer","Action":"start"}\n');
  });
  const abort = new AbortController();
  const actions: string[] = [];
  for await (const event of engine.events({ type: ["container"] }, abort.signal, "5")) {
    actions.push(event.Action);
    if (actions.length === 2) abort.abort();
  }
  expect(actions).toEqual(["die", "start"]);
  expect(seen).toEqual(['GET /v1.41/events?filters={"type":["container"]}&since=5']);
  await gone.promise;
});

test("throws when the engine goes away in the middle of the events", async () => {
  const { engine } = await fakeEngine((_, response) => {
    response.write('{"Action":"die"}\n', () => setImmediate(() => response.destroy()));
  });
  const seen: string[] = [];
  const follow = async () => {
    for await (const event of engine.events({}, never())) seen.push(event.Action);
  };
  await expect(follow()).rejects.toMatchObject({ name: "EngineUnavailable" });
  expect(seen).toEqual(["die"]);
});

test("throws when the engine ends its event stream cleanly", async () => {
  const { engine } = await fakeEngine((_, response) => response.end());
  await expect(engine.events({}, never()).next()).rejects.toMatchObject({ name: "EngineUnavailable" });
});

test("rejects an aborted call with the signal's reason", async () => {
  const abort = new AbortController();
  const { engine } = await fakeEngine(() => abort.abort(new Error("changed my mind")));
  await expect(engine.pullImage("a", undefined, abort.signal)).rejects.toThrow("changed my mind");
});

test("reads again when a kept connection turns out to be dead", async () => {
  let calls = 0;
  const { engine } = await fakeEngine((request, response) => {
    calls += 1;
    if (calls === 2) request.socket.destroy();
    else response.end("{}");
  });
  await engine.info();
  await engine.info();
  expect(calls).toBe(3);
});

test("streams a container's logs as they are", async () => {
  const { engine } = await fakeEngine((_, response) => response.end(Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 65])));
  const chunks: Buffer[] = [];
  for await (const chunk of await engine.containerLogs("x", { stdout: "1" }, never())) chunks.push(chunk);
  expect([...Buffer.concat(chunks)]).toEqual([1, 0, 0, 0, 0, 0, 0, 1, 65]);
});
