import { Agent, get, request } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { Metrics } from "./metrics.ts";
import type { People } from "./people.ts";
import { DemoServer } from "./server.ts";

const kept: string[] = [];
const people: People = {
  add: async (name) => void kept.push(name),
  names: async () => kept,
  close: async () => {},
};
const away: People = {
  add: () => Promise.reject(new Error("connect ECONNREFUSED 10.0.1.2:6379")),
  names: () => Promise.reject(new Error("connect ECONNREFUSED 10.0.1.2:6379")),
  close: async () => {},
};

let server: DemoServer;
afterEach(() => server.drain());

async function start(parts: { people?: People; random?: number } = {}): Promise<string> {
  const { people: kept = people, random = 0.5 } = parts;
  server = new DemoServer({ people: kept, metrics: new Metrics("go-demo"), random: () => random }, { graceMs: 300 });
  return `http://127.0.0.1:${await server.listen(0, "127.0.0.1")}`;
}

test("says hello, and nothing else", async () => {
  const answer = await fetch(`${await start()}/demo/hello`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-length")).toBe("14");
  expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(await answer.text()).toBe("hello, world!\n");
});

test("keeps people and lists them", async () => {
  const url = `${await start()}/demo/person`;
  expect(await (await fetch(`${url}?name=Viktor`, { method: "PUT" })).text()).toBe("Everything is OK");
  await fetch(`${url}?name=Ada%20L`, { method: "PUT" });
  expect(await (await fetch(url)).text()).toBe("Viktor\nAda L");
});

test("tells that the database is away, and says hello all the same", async () => {
  const base = await start({ people: away });
  const answer = await fetch(`${base}/demo/person`);
  expect([answer.status, await answer.text()]).toEqual([
    503,
    "the database does not answer: connect ECONNREFUSED 10.0.1.2:6379\n",
  ]);
  expect((await fetch(`${base}/demo/hello`)).status).toBe(200);
});

test("fails at random one time in ten", async () => {
  expect((await fetch(`${await start({ random: 0.09 })}/demo/random-error`)).status).toBe(500);
  await server.drain();
  expect((await fetch(`${await start({ random: 0.1 })}/demo/random-error`)).status).toBe(200);
});

test("counts its answers by path and code", async () => {
  const base = await start();
  await fetch(`${base}/demo/hello?delay=20`);
  const metrics = await (await fetch(`${base}/demo/metrics`)).text();
  expect(metrics).toMatch(
    /http_server_resp_time_count\{service="go-demo",code="200",method="GET",path="\/demo\/hello"\} 1/,
  );
  expect(metrics).toMatch(/le="0.01",service="go-demo",code="200",method="GET",path="\/demo\/hello"\} 0/);
});

test("refuses what there is not", async () => {
  const base = await start();
  const status = async (path: string, method = "GET") => (await fetch(base + path, { method })).status;
  expect(await status("/")).toBe(404);
  expect(await status("/demo/constructor")).toBe(404);
  expect(await status("/demo/person", "DELETE")).toBe(405);
  expect(await status("/demo/person", "PUT")).toBe(400);
  expect(await status("/demo/hello?delay=-1")).toBe(400);
  expect(await status("/demo/hello?delay=x")).toBe(400);
});

test("answers what is open before it ends, and ends kept connections with an answer", async () => {
  const base = await start();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string) =>
    new Promise<{ connection: string | undefined; body: string }>((resolve, reject) =>
      get(`${base}${path}`, { agent }, async (response) =>
        resolve({ connection: response.headers.connection, body: await text(response) }),
      ).once("error", reject),
    );
  expect((await ask("/demo/hello")).connection).toBe("keep-alive");
  const slow = fetch(`${base}/demo/hello?delay=200`);
  await fetch(`${base}/demo/hello`);
  const drained = server.drain();
  expect(await ask("/demo/hello")).toEqual({ connection: "close", body: "hello, world!\n" });
  expect(await (await slow).text()).toBe("hello, world!\n");
  await drained;
  await expect(fetch(`${base}/demo/hello`)).rejects.toThrow();
  agent.destroy();
});

test("a request that is cut off takes nothing along", async () => {
  const base = await start();
  const cut = request(`${base}/demo/hello?delay=100`);
  cut.once("error", () => {});
  cut.end();
  setTimeout(() => cut.destroy(), 20);
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect((await fetch(`${base}/demo/hello`)).status).toBe(200);
});
