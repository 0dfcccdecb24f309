import { silentLogger, systemClock } from "@skep/model";
import { expect, test } from "vitest";
import { SwarmClient } from "./swarm-client.ts";
import { type SwarmServices, type SwarmServicesOptions, watchSwarmServices } from "./swarm-services.ts";
import { TestSwarm } from "./test-swarm.ts";

const seen = { "com.df.notify": "true", "com.df.port": "8080" };
const options: SwarmServicesOptions = { clock: systemClock, log: silentLogger };

/** Follows the swarm in the background and keeps what was yielded. */
function follow(swarm: TestSwarm, more: Partial<SwarmServicesOptions> = {}) {
  const client = new SwarmClient(swarm.target);
  const ending = new AbortController();
  const snapshots: SwarmServices[] = [];
  const ended = (async () => {
    for await (const snapshot of watchSwarmServices(client, { ...options, ...more }, ending.signal))
      snapshots.push(snapshot);
  })();
  return {
    snapshots,
    last: () => snapshots.at(-1)?.services.map(({ name, replicas }) => `${name} ${replicas ?? "global"}`),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await ended;
      client[Symbol.dispose]();
    },
  };
}

const following = (swarm: TestSwarm) => expect.poll(() => swarm.followers).toBe(1);

test("yields the services that ask to be seen, by name", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", seen, { replicas: 3 });
  swarm.put("api", { "com.df.notify": "TRUE" });
  swarm.put("off", { "com.df.notify": "false" });
  swarm.put("other");
  swarm.services.set("id-agent", {
    ID: "id-agent",
    Version: { Index: 3 },
    Spec: { Name: "agent", Labels: seen, Mode: {} },
  });
  await using follower = follow(swarm);
  await expect.poll(follower.last).toEqual(["agent global", "api 1", "web 3"]);
  expect(follower.snapshots[0]?.services[2]).toMatchObject({ id: "id-web", name: "web", replicas: 3, labels: seen });
});

test("asks with the label as filter, in the engine's newest version", async () => {
  await using swarm = await TestSwarm.start();
  await using follower = follow(swarm, { notifyLabel: "com.example.proxy=yes" });
  swarm.put("web", { "com.example.proxy": "yes" });
  swarm.put("api", { "com.example.proxy": "no" });
  await expect.poll(follower.last).toEqual(["web 1"]);
  expect(swarm.asked).toContain('GET /services?filters={"label":["com.example.proxy=yes"]}');
});

test("follows services that are created, updated and removed, looking only at those", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", seen);
  await using follower = follow(swarm);
  await following(swarm);
  await expect.poll(follower.last).toEqual(["web 1"]);
  await expect.poll(() => swarm.asked.filter((line) => line.startsWith("GET /services?"))).toHaveLength(2);

  swarm.put("api", seen);
  await expect.poll(follower.last).toEqual(["api 1", "web 1"]);
  swarm.put("api", seen, { replicas: 0 });
  await expect.poll(follower.last).toEqual(["api 0", "web 1"]);
  swarm.remove("web");
  await expect.poll(follower.last).toEqual(["api 0"]);
  swarm.put("api", { "com.df.notify": "false" });
  await expect.poll(follower.last).toEqual([]);
  expect(swarm.asked.slice(-4)).toEqual([
    "GET /services/id-api",
    "GET /services/id-api",
    "GET /services/id-web",
    "GET /services/id-api",
  ]);
});

test("a burst of changes is one list and few snapshots", async () => {
  await using swarm = await TestSwarm.start();
  await using follower = follow(swarm);
  await following(swarm);
  await expect.poll(() => follower.snapshots).toHaveLength(1);
  const before = swarm.asked.length;
  for (let i = 0; i < 200; i++) swarm.put(`web${i}`, seen);
  await expect.poll(() => follower.last()?.length).toBe(200);
  expect(swarm.asked.length - before).toBeLessThan(60);
  expect(follower.snapshots.length).toBeLessThan(8);
});

test("lists again when the stream of events has ended, so nothing in between is missed", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", seen);
  await using follower = follow(swarm);
  await following(swarm);
  await expect.poll(follower.last).toEqual(["web 1"]);
  swarm.endStreams();
  swarm.remove("web", { silently: true });
  swarm.put("api", seen, { silently: true });
  await expect.poll(follower.last, { timeout: 3000 }).toEqual(["api 1"]);
});

test("compares periodically, whatever the events say", async () => {
  await using swarm = await TestSwarm.start();
  await using follower = follow(swarm, { comparisonMs: 50 });
  await following(swarm);
  swarm.put("web", seen, { silently: true });
  await expect.poll(follower.last).toEqual(["web 1"]);
});

test("can do without events", async () => {
  await using swarm = await TestSwarm.start();
  await using follower = follow(swarm, { comparisonMs: 50, events: false });
  swarm.put("web", seen);
  await expect.poll(follower.last).toEqual(["web 1"]);
  expect(swarm.followers).toBe(0);
});

test("keeps the last snapshot while the engine restarts", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", seen);
  await using follower = follow(swarm);
  await following(swarm);
  await expect.poll(follower.last).toEqual(["web 1"]);
  await swarm.stop();
  swarm.put("api", seen);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(follower.snapshots).toHaveLength(1);
  await swarm.listen();
  await expect.poll(follower.last, { timeout: 5000 }).toEqual(["api 1", "web 1"]);
});

test("on a node that is not a manager it says so once, and goes on trying", async () => {
  await using swarm = await TestSwarm.start();
  swarm.isManager = false;
  swarm.put("web", seen);
  const said: string[] = [];
  const problems: (string | undefined)[] = [];
  const log = {
    ...silentLogger,
    warn: (fields: object, message: string) => said.push(`${message}: ${"err" in fields && fields.err}`),
  };
  await using follower = follow(swarm, { log, onProblem: (problem) => problems.push(problem?.message.slice(0, 33)) });
  await expect.poll(() => problems.length, { timeout: 3000 }).toBeGreaterThan(2);
  expect(said).toEqual(["the swarm cannot be asked: this node is not a swarm manager"]);
  expect(problems[0]).toBe("This node is not a swarm manager.");
  swarm.isManager = true;
  await expect.poll(follower.last, { timeout: 5000 }).toEqual(["web 1"]);
  expect(problems.at(-1)).toBeUndefined();
});

test("an answer that fails is asked for again", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", seen);
  swarm.failures.push(500, 500, 500);
  await using follower = follow(swarm);
  await expect.poll(follower.last, { timeout: 4000 }).toEqual(["web 1"]);
});

test("shows the own service apart, whatever its labels", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("proxy", { "com.df.http.web": "port=8080" });
  swarm.put("web", seen);
  await using follower = follow(swarm, { ownServiceName: "proxy" });
  await expect.poll(follower.last).toEqual(["web 1"]);
  expect(follower.snapshots[0]?.own?.labels).toEqual({ "com.df.http.web": "port=8080" });
  await following(swarm);
  swarm.put("proxy", { "com.df.http.api": "port=9000" });
  await expect.poll(() => follower.snapshots.at(-1)?.own?.labels).toEqual({ "com.df.http.api": "port=9000" });
});

test("a service that only begins with the own name is not the own one", async () => {
  await using swarm = await TestSwarm.start();
  swarm.put("web", seen);
  swarm.put("other", {}, { ID: "proxy" });
  await using follower = follow(swarm, { ownServiceName: "proxy" });
  await expect.poll(follower.last).toEqual(["web 1"]);
  expect(follower.snapshots[0]?.own).toBeUndefined();
});

test("a slow consumer gets the newest state, not every state", async () => {
  await using swarm = await TestSwarm.start();
  using client = new SwarmClient(swarm.target);
  const ending = new AbortController();
  const watch = watchSwarmServices(client, options, ending.signal);
  await watch.next();
  await following(swarm);
  for (let replicas = 1; replicas <= 50; replicas++) swarm.put("web", seen, { replicas });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { value } = await watch.next();
  expect(value?.services[0]?.replicas).toBe(50);
  await watch.return(undefined);
  await expect.poll(() => swarm.followers).toBe(0);
});
