import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { freePort } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { DatabasePeople } from "../src/database-people.ts";
import { Metrics } from "../src/metrics.ts";
import { DemoServer } from "../src/server.ts";

// The service beside Debian's redis-server, which comes and goes.

const installed = spawnSync("redis-server", ["--version"]).status === 0;
const problem = installed ? "" : "(skipped: redis-server is not installed: npm run setup)";

describe.skipIf(!installed)(`people in Redis ${problem}`, () => {
  let port = 0;
  let redis: ChildProcess | undefined;
  let server: DemoServer;
  let people: DatabasePeople;
  let base = "";

  const startRedis = async () => {
    const nothingKept = ["--save", "", "--appendonly", "no"];
    redis = spawn("redis-server", ["--port", `${port}`, "--bind", "127.0.0.1", ...nothingKept], { stdio: "ignore" });
    await once(redis, "spawn");
  };
  const endRedis = async (signal: NodeJS.Signals) => {
    const ended = redis && once(redis, "exit");
    redis?.kill(signal);
    redis = undefined;
    await ended;
  };
  const person = async (method: string, query = ""): Promise<[number, string]> => {
    const answer = await fetch(`${base}/demo/person${query}`, { method });
    return [answer.status, await answer.text()];
  };
  /** It may take a moment until Redis listens. */
  const untilEmpty = () => vi.waitFor(async () => expect(await person("GET")).toEqual([200, ""]), 5000);

  beforeAll(async () => {
    port = await freePort();
    people = new DatabasePeople(`127.0.0.1:${port}`);
    server = new DemoServer({ people, metrics: new Metrics("go-demo"), random: Math.random }, { graceMs: 100 });
    base = `http://127.0.0.1:${await server.listen(0, "127.0.0.1")}`;
  });
  afterEach(() => endRedis("SIGKILL"));
  afterAll(async () => {
    await server.drain();
    await people.close();
  });

  test("they are kept once, in the order in which they came", async () => {
    await startRedis();
    await untilEmpty();
    for (const name of ["Viktor", "Ada%20L", "Zo%C3%AB", "Viktor"])
      expect(await person("PUT", `?name=${name}`)).toEqual([200, "Everything is OK"]);
    expect(await person("GET")).toEqual([200, "Viktor\nAda L\nZoë"]);
  });

  test("a database that was not there yet is found, and what is asked before is refused at once", async () => {
    const began = performance.now();
    const [status, text] = await person("GET");
    expect([status, text]).toEqual([503, expect.stringContaining(`ECONNREFUSED 127.0.0.1:${port}`)]);
    expect(performance.now() - began).toBeLessThan(1000);
    expect((await fetch(`${base}/demo/hello`)).status).toBe(200);
    await startRedis();
    await untilEmpty();
  });

  test.each(["SIGTERM", "SIGKILL"] as const)("a database that ended by %s and came back is used again", async (end) => {
    await startRedis();
    await untilEmpty();
    await endRedis(end);
    expect(await person("PUT", "?name=Ada")).toEqual([503, expect.stringContaining("ECONNREFUSED")]);
    await startRedis();
    await untilEmpty();
  });

  test("a database that was replaced while nobody asked costs no request", async () => {
    await startRedis();
    await untilEmpty();
    await endRedis("SIGKILL");
    await startRedis();
    await vi.waitFor(async () => expect(spawnSync("redis-cli", ["-p", `${port}`, "ping"]).status).toBe(0), 5000);
    expect(await person("GET")).toEqual([200, ""]);
  });

  test("a database that hangs is given up after a while, and asked again once it answers", async () => {
    await startRedis();
    await untilEmpty();
    redis?.kill("SIGSTOP");
    const began = performance.now();
    expect(await person("GET")).toEqual([503, expect.stringContaining("the database does not answer")]);
    expect(performance.now() - began).toBeLessThan(4000);
    redis?.kill("SIGCONT");
    await untilEmpty();
  });
});
