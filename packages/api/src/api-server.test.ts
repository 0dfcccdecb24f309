import { readFileSync } from "node:fs";
import { DomainError, type Logger, silentLogger } from "@skep/model";
import { expect, test } from "vitest";
import { Facade, statusOf } from "../test/facade.ts";
import type { Route } from "./router.ts";

const recorded = JSON.parse(
  readFileSync(new URL("../test-data/captures/system.json", import.meta.url), "utf8"),
) as Record<string, { url: string; status: number; headers: Record<string, string>; body: unknown }>;

test.each(["ping-get", "version-too-new", "version-too-old", "unknown-page", "version"])(
  "answers as the recorded engine did: %s",
  async (name) => {
    const { url, status, headers, body } = recorded[name] ?? expect.fail(`no recording ${name}`);
    await using facade = await Facade.start({ version: recorded.version?.body as object });
    const answer = await facade.call("GET", url);
    const { date: _, swarm: __, "builder-version": ___, connection: ____, ...ours } = answer.headers;
    expect(answer.status).toBe(status);
    expect(typeof body === "string" ? answer.text : JSON.parse(answer.text)).toEqual(body);
    if (name !== "unknown-page") expect(ours).toEqual(headers); // that one is the engine's own
  },
);

test("tells pinging clients the swarm's state and the engine's builder", async () => {
  await using facade = await Facade.start({ swarm: statusOf({ state: "active", role: "manager" }) });
  const { status, headers, text } = await facade.call("HEAD", "/_ping");
  expect([status, text, headers.swarm, headers["builder-version"], headers["content-length"]]).toEqual([
    200,
    "",
    "active/manager",
    "1",
    "0",
  ]);
});

test("offers no newer API version than skep knows", async () => {
  await using facade = await Facade.start({ version: { ApiVersion: "1.52", MinAPIVersion: "1.44" } });
  expect((await facade.call("GET", "/_ping")).headers["api-version"]).toBe("1.50");
  expect(JSON.parse((await facade.call("GET", "/version")).text)).toMatchObject({
    ApiVersion: "1.50",
    MinAPIVersion: "1.44",
  });
  expect((await facade.call("GET", "/v1.51/info")).text).toContain("Maximum supported API version is 1.50");
  expect((await facade.call("GET", "/v1.43/info")).text).toContain("Minimum supported API version is 1.44");
});

test("answers pings and cluster requests while no engine is there, and says so for the rest", async () => {
  await using facade = await Facade.start({
    routes: [{ method: "GET", path: "/services", handle: () => ({ status: 200, json: [] }) }],
  });
  await facade.stopEngine();
  expect((await facade.call("GET", "/_ping")).status).toBe(200);
  expect((await facade.call("GET", "/v1.43/services")).text).toBe("[]\n");
  const message = `skepd cannot reach the Docker Engine at ${facade.engineSocketPath}: start it, or pass --engine`;
  for (const path of ["/containers/json", "/v1.43/info", "/events"]) {
    expect(await facade.call("GET", path)).toMatchObject({ status: 503, text: `${JSON.stringify({ message })}\n` });
  }
});

test("never lets a swarm-scoped request through to the engine", async () => {
  const seen: string[] = [];
  await using facade = await Facade.start({
    http: (request, response) => {
      seen.push(request.url ?? "");
      response.end();
    },
  });
  const targets = [
    "/swarm/init",
    "/v1.41/swarm/x",
    "//swarm/init",
    "/%73ervices",
    "/x/../nodes",
    "/tasks/",
    "http://h/swarm",
  ];
  for (const target of targets) {
    for (const method of ["GET", "POST", "PUT", "DELETE", "HEAD"]) {
      expect([target, (await facade.call(method, target)).status]).toEqual([target, 404]);
    }
    expect((await facade.call("POST", target, "", { Connection: "Upgrade", Upgrade: "tcp" })).status).toBe(404);
  }
  expect(seen).toEqual([]);
});

const routes: Route[] = [
  {
    method: "GET",
    path: "/services/{id}",
    handle: ({ params, apiVersion }) => ({ status: 200, json: [params, apiVersion] }),
  },
  {
    method: "POST",
    path: "/services/create",
    handle: async (request) => ({ status: 201, json: await request.json() }),
  },
  {
    method: "DELETE",
    path: "/services/{id}",
    handle() {
      throw new DomainError("not-found", "service x not found");
    },
  },
  {
    method: "POST",
    path: "/services/{id}/update",
    handle() {
      throw new TypeError("cannot read properties of undefined");
    },
  },
  { method: "DELETE", path: "/nodes/{id}", handle: () => ({ status: 200 }) },
];

test("gives routes their parameters, and answers in Docker's form", async () => {
  await using facade = await Facade.start({ routes });
  const { status, headers, text } = await facade.call("GET", "/v1.40/services/a%20b");
  expect([status, text]).toEqual([200, '[{"id":"a b"},"1.40"]\n']);
  expect(headers).toMatchObject({
    "api-version": "1.41",
    "content-type": "application/json",
    "docker-experimental": "false",
    ostype: "linux",
    server: "Docker/20.10.24 (linux)",
  });
  expect(await facade.call("DELETE", "/nodes/x")).toMatchObject({
    status: 200,
    text: "",
    headers: { "content-length": "0" },
  });
  expect(await facade.call("DELETE", "/services/x")).toMatchObject({
    status: 404,
    text: '{"message":"service x not found"}\n',
  });
  expect(await facade.call("DELETE", "/v1.20/services/x")).toMatchObject({
    status: 404,
    text: "service x not found\n",
  });
});

test("logs an unexpected error with its stack and keeps it from the client", async () => {
  const logged: unknown[] = [];
  const logger: Logger = { ...silentLogger, error: (fields) => logged.push(fields) };
  await using facade = await Facade.start({ routes, logger });
  const { status, text } = await facade.call("POST", "/services/x/update", "{}");
  expect(status).toBe(500);
  expect(text).not.toContain("undefined");
  expect(logged).toEqual([{ err: expect.any(TypeError) }]);
});

test.each([
  [undefined, {}, "got EOF while reading request body"],
  ["{bad", {}, "invalid character 'b' looking for beginning of object key string"],
  ["x=1", { "Content-Type": "text/plain" }, "unsupported Content-Type header (text/plain): must be 'application/json'"],
  ["{}{}", { "Content-Type": "application/json; charset=utf-8" }, "unexpected content after JSON"],
])("refuses the body %j", async (body, headers, message) => {
  await using facade = await Facade.start({ routes });
  expect(await facade.call("POST", "/services/create", body, headers)).toMatchObject({
    status: 400,
    text: `${JSON.stringify({ message })}\n`,
  });
});

test("refuses a body beyond 16 MiB without keeping it", async () => {
  await using facade = await Facade.start({ routes });
  const body = `"${"x".repeat(16 << 20)}"`;
  expect(await facade.call("POST", "/services/create", body)).toMatchObject({
    status: 400,
    text: '{"message":"request body is larger than 16 MiB"}\n',
  });
});

test("asks for the body of a client that waits to be told", async () => {
  await using facade = await Facade.start({ routes });
  const head =
    "POST /services/create HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n";
  const socket = facade.connect();
  socket.write(head);
  let received = "";
  for await (const chunk of socket) {
    received += chunk;
    if (received === "HTTP/1.1 100 Continue\r\n\r\n") socket.write("{}");
  }
  expect(received).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 Created\r\n.*\r\n\r\n\{\}\n$/s);
});

test("tells a streaming route that its client has gone", async () => {
  const gone = Promise.withResolvers<unknown>();
  const stream: Route = {
    method: "GET",
    path: "/services/{id}/logs",
    handle: ({ signal }) => ({
      status: 200,
      async stream(write) {
        await write("line\n");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        gone.resolve(await write("more").catch((error) => error.name));
      },
    }),
  };
  await using facade = await Facade.start({ routes: [stream] });
  const socket = facade.connect();
  socket.write("GET /services/x/logs HTTP/1.1\r\nHost: x\r\n\r\n");
  for await (const chunk of socket) if (String(chunk).includes("line")) break;
  expect(await gone.promise).toBe("ClientGone");
});

test.each([
  [{ state: "inactive" }, 503, /^This node is not a swarm manager. Use "docker swarm init"/],
  [{ state: "active", role: "worker" }, 503, /^This node is not a swarm manager. Worker nodes can't/],
  [{ state: "pending" }, 503, /^This node is not a swarm manager. Manager is being prepared/],
  [{ state: "locked" }, 503, /^Swarm is encrypted/],
] as const)("has no secrets for a node that is %j", async (status, code, message) => {
  await using facade = await Facade.start({ swarm: statusOf(status) });
  const answer = await facade.call("GET", "/secrets");
  expect(answer.status).toBe(code);
  expect(JSON.parse(answer.text).message).toMatch(message);
});

test("says what this version does not have yet", async () => {
  const manager = { store: undefined } as never;
  await using facade = await Facade.start({
    swarm: { ...statusOf({ state: "active", role: "manager" }), manager: () => manager },
  });
  expect(await facade.call("POST", "/secrets/create", "{}")).toMatchObject({
    status: 501,
    text: '{"message":"secrets are not available in this version of skep"}\n',
  });
  expect(await facade.call("GET", "/secrets")).toMatchObject({ status: 200, text: "[]\n" });
  expect(await facade.call("GET", "/configs/x")).toMatchObject({
    status: 404,
    text: '{"message":"config x not found"}\n',
  });
  expect((await facade.call("GET", "/configs/x/y")).status).toBe(404);
});

test.each([
  "GARBAGE\r\n\r\n",
  "GET /services HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  "GET /services HTTP/1.1\r\nContent-Length: x\r\n\r\n",
  `GET /services HTTP/1.1\r\nX: ${"x".repeat(2 << 20)}\r\n\r\n`,
  "GET %zz HTTP/1.1\r\n\r\n",
])("answers malformed request %# with an error, and lives on", async (request) => {
  await using facade = await Facade.start();
  expect(await facade.exchange(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"))).toMatch(
    /^HTTP\/1.1 4\d\d /,
  );
  expect((await facade.call("GET", "/_ping")).status).toBe(200);
});
