import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger, systemClock } from "@skep/model";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { SwarmClient } from "../swarm/swarm-client.ts";
import type { TaskObject } from "../swarm/swarm-objects.ts";
import { TestSwarm } from "../swarm/test-swarm.ts";
import { listenerRoutes } from "./listener-routes.ts";
import { type ListenerSettings, parseListenerSettings } from "./listener-settings.ts";
import { SwarmListener } from "./swarm-listener.ts";
import { TestTarget } from "./test-target.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const seen = { "com.df.notify": "true", "com.df.port": "8080" };
const scraped = { ...seen, "com.df.scrapeNetwork": "monitor" };

async function startSwarm(): Promise<TestSwarm> {
  const swarm = await TestSwarm.start();
  cleanups.push(() => swarm[Symbol.asyncDispose]());
  swarm.putNode("node-1");
  return swarm;
}

async function startTarget(): Promise<TestTarget> {
  const target = await TestTarget.start();
  cleanups.push(() => target[Symbol.dispose]());
  return target;
}

/** A listener that tells `target` of services, and its API. */
async function startListener(swarm: TestSwarm, target: TestTarget | undefined, more: Partial<ListenerSettings> = {}) {
  const client = new SwarmClient(swarm.target);
  const serviceEndpoints = target ? [target.endpoint] : [];
  const settings = { ...parseListenerSettings({}), serviceEndpoints, retryIntervalMs: 20, ...more };
  const listener = new SwarmListener(client, settings, { clock: systemClock, log: silentLogger });
  const ending = new AbortController();
  const running = listener.run(ending.signal);
  const server = createServer(listenerRoutes(listener)).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    ending.abort();
    await running;
    server.closeAllConnections();
    server.close();
    client[Symbol.dispose]();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = async (path: string, method = "GET") => {
    const response = await fetch(`${base}${path}`, { method });
    const text = await response.text();
    return { status: response.status, type: response.headers.get("content-type"), text };
  };
  const call = (name: string, method?: string) => get(`/v1/docker-flow-swarm-listener/${name}`, method);
  return { listener, get, call };
}

/** The only task of a service, on node-1 and the network `monitor`. */
const task = (service: string, state = "running"): TaskObject => ({
  ...{ ID: `task-${service}`, ServiceID: `id-${service}`, NodeID: "id-node-1", Slot: 1, DesiredState: "running" },
  Status: { State: state },
  NetworksAttachments: [{ Network: { Spec: { Name: "monitor" } }, Addresses: ["10.0.1.3/24"] }],
});

const following = (swarm: TestSwarm) => expect.poll(() => swarm.followers).toBe(2);

test("tells of the services that are there, and of what is created, updated and removed", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen, { replicas: 3 });
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => [...target.knows.values()]).toEqual(["distribute=true&port=8080&replicas=3&serviceName=web"]);
  swarm.put("api", seen);
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  swarm.put("web", { ...seen, "com.df.port": "9000" });
  await expect.poll(() => target.knows.get("web")).toBe("distribute=true&port=9000&replicas=1&serviceName=web");
  swarm.remove("api");
  await expect.poll(() => target.names()).toEqual(["web"]);
  expect(target.asked.at(-1)).toBe("GET /remove?distribute=true&port=8080&serviceName=api");
});

test("a service that no longer asks to be seen is told as removed", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  swarm.put("api", seen);
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  swarm.put("web", { ...seen, "com.df.notify": "false" });
  await expect.poll(() => target.names()).toEqual(["api"]);
  swarm.put("api", {});
  await expect.poll(() => target.names()).toEqual([]);
});

test("a service scaled to nothing is told with no replicas, and again when it is back", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen, { replicas: 0 });
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.knows.get("web")).toContain("replicas=0");
  swarm.put("web", seen, { replicas: 2 });
  await expect.poll(() => target.knows.get("web")).toContain("replicas=2");
});

test("a change that means nothing to a target is not told", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.put("web", { ...seen, "com.example.owner": "me" });
  swarm.put("api", seen);
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  expect(target.asked).toHaveLength(2);
});

test("what happened while the stream of events was cut is told all the same", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.endStreams();
  swarm.remove("web", { silently: true });
  swarm.put("api", seen, { silently: true });
  await expect.poll(() => target.names(), { timeout: 3000 }).toEqual(["api"]);
});

test("nodes are told with their labels, as removed when they are down or gone, and not for a new version only", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  await startListener(swarm, undefined, { nodeEndpoints: [target.endpoint] });
  await following(swarm);
  const node = (more = "zone=east", version = 11) =>
    `address=192.168.0.1&availability=active&hostname=node-1&id=id-node-1&role=worker&state=ready&versionIndex=${version}&${more}`;
  await expect.poll(() => [...target.knows.values()]).toEqual([node()]);
  swarm.putNode("node-1");
  swarm.putNode("node-2");
  await expect.poll(() => target.names()).toEqual(["id-node-1", "id-node-2"]);
  expect(target.knows.get("id-node-1")).toBe(node());
  swarm.putNode("node-1", "ready", { "com.df.zone": "west" });
  await expect.poll(() => target.knows.get("id-node-1")).toBe(node("zone=west", 14));
  swarm.putNode("node-2", "down");
  await expect.poll(() => target.names()).toEqual(["id-node-1"]);
  expect(target.asked.at(-1)).toBe("GET /remove?address=192.168.0.1&hostname=node-2&id=id-node-2");
  swarm.removeNode("node-1");
  await expect.poll(() => target.names()).toEqual([]);
});

test("a service with a scrape network is told when its tasks run; at the start it is told as removed until then", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  target.knows.set("web", "from an earlier life");
  swarm.put("web", scraped, { UpdateStatus: { State: "completed" } });
  swarm.tasks = [task("web", "preparing")];
  await startListener(swarm, target, { includeNodeInfo: true });
  await expect
    .poll(() => target.asked)
    .toEqual(["GET /remove?distribute=true&port=8080&scrapeNetwork=monitor&serviceName=web"]);
  swarm.tasks = [task("web")];
  await expect.poll(() => target.knows.get("web"), { timeout: 3000 }).toBeDefined();
  const parameters = new URLSearchParams(target.knows.get("web"));
  expect(JSON.parse(parameters.get("nodeInfo") ?? "")).toEqual([["node-1", "10.0.1.3", "id-node-1"]]);
});

test("a service with a scrape network whose tasks run at the start is told at once", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", scraped);
  swarm.tasks = [task("web")];
  await startListener(swarm, target);
  await expect.poll(() => target.names()).toEqual(["web"]);
  expect(target.asked).toHaveLength(1);
});

test("on request a service is told before its tasks run", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", scraped);
  await startListener(swarm, target, { createImmediately: true });
  await expect.poll(() => target.names()).toEqual(["web"]);
});

test("notify-services answers at once and tells everything again", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  const { call } = await startListener(swarm, target);
  await expect.poll(() => target.names()).toEqual(["web"]);
  target.knows.clear();
  expect(await call("notify-services")).toEqual({ status: 200, type: "application/json", text: '{"Status":"OK"}' });
  await expect.poll(() => target.names()).toEqual(["web"]);
});

test("get-services gives the parameters of the services whose tasks run, and tells of the others", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  swarm.put("api", seen);
  swarm.put("off", { ...seen, "com.df.notify": "false" });
  swarm.tasks = [task("web"), task("api", "starting")];
  const { call } = await startListener(swarm, target);
  await expect.poll(() => target.names()).toEqual(["api", "web"]);
  target.knows.clear();
  const { status, type, text } = await call("get-services");
  expect([status, type]).toEqual([200, "application/json"]);
  expect(JSON.parse(text)).toEqual([{ distribute: "true", port: "8080", replicas: "1", serviceName: "web" }]);
  await expect.poll(() => target.names()).toEqual(["api"]);
});

test("a listener that tells nobody of services gives all of them", async () => {
  const swarm = await startSwarm();
  swarm.put("web", seen);
  const { call } = await startListener(swarm, undefined);
  expect(JSON.parse((await call("get-services")).text)).toHaveLength(1);
});

test("get-services has the nodes' names and addresses when they are to be told", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", scraped);
  swarm.tasks = [task("web")];
  const { call } = await startListener(swarm, target, { includeNodeInfo: true });
  await expect.poll(() => target.names()).toEqual(["web"]);
  const [service] = JSON.parse((await call("get-services")).text);
  expect(service.nodeInfo).toBe('[["node-1","10.0.1.3","id-node-1"]]');
});

test("get-nodes gives the parameters of all nodes", async () => {
  const swarm = await startSwarm();
  const { call } = await startListener(swarm, undefined);
  const { status, text } = await call("get-nodes");
  expect(status).toBe(200);
  expect(JSON.parse(text)).toEqual([
    {
      ...{ id: "id-node-1", hostname: "node-1", address: "192.168.0.1", versionIndex: "11", state: "ready" },
      ...{ role: "worker", availability: "active", zone: "east" },
    },
  ]);
});

test("without a swarm the lists are answered 500 with the reason, and counted", async () => {
  const swarm = await startSwarm();
  const { call, get } = await startListener(swarm, undefined);
  swarm.isManager = false;
  const { status, text } = await call("get-services");
  expect([status, JSON.parse(text).Message]).toEqual([
    500,
    expect.stringContaining("This node is not a swarm manager."),
  ]);
  expect((await call("get-nodes")).status).toBe(500);
  const metrics = (await get("/metrics")).text;
  expect(metrics).toContain('docker_flow_error{operation="serveGetNodes",service="swarm_listener"} 1');
  expect(metrics).toContain('docker_flow_error{operation="serveGetServices",service="swarm_listener"} 1');
});

test("answers pings, by any method, and nothing that it does not know", async () => {
  const swarm = await startSwarm();
  const { call, get } = await startListener(swarm, undefined);
  expect(await call("ping", "POST")).toEqual({ status: 200, type: "application/json", text: '{"Status":"OK"}' });
  expect(await call("constructor")).toMatchObject({ status: 404, text: "404 page not found\n" });
  expect((await get("/toString")).status).toBe(404);
});

test("counts the services", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  swarm.put("web", seen);
  const { get } = await startListener(swarm, target);
  await expect.poll(() => target.names()).toEqual(["web"]);
  const { type, text } = await get("/metrics");
  expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(text).toContain('docker_flow_service_count{service="swarm_listener"} 1\n');
});

test("two services under one short name take turns without losing the route", async () => {
  const [swarm, target] = [await startSwarm(), await startTarget()];
  const short = (stack: string) => ({ ...seen, "com.df.shortName": "true", "com.docker.stack.namespace": stack });
  swarm.put("blue_web", short("blue"));
  await startListener(swarm, target);
  await following(swarm);
  await expect.poll(() => target.names()).toEqual(["web"]);
  swarm.put("green_web", { ...short("green"), "com.df.port": "9000" });
  await expect.poll(() => target.knows.get("web")).toContain("port=9000");
  swarm.remove("green_web");
  await expect.poll(() => target.knows.get("web")).toContain("port=8080");
});

test("whatever happens in the swarm, in the end every target holds what the swarm has", async () => {
  const name = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ put: name, port: fc.nat(2), notify: fc.boolean(), silently: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ remove: name, silently: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ cut: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.record({ manager: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ failures: fc.array(fc.constantFrom(500, 503, 404), { maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ answers: fc.array(fc.constantFrom(500, 0, 200), { maxLength: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.nat(15) }) },
  );
  const swarm = await startSwarm();
  const target = await startTarget();
  await startListener(swarm, target, { servicePollingMs: 50, nodePollingMs: 50 });
  const act = async (each: typeof step extends fc.Arbitrary<infer T> ? T : never) => {
    if ("put" in each) {
      const labels = { ...seen, "com.df.notify": String(each.notify), "com.df.port": String(each.port) };
      swarm.put(each.put, labels, { silently: each.silently });
    } else if ("remove" in each) swarm.remove(each.remove, each);
    else if ("cut" in each) swarm.endStreams();
    else if ("manager" in each) swarm.isManager = each.manager;
    else if ("failures" in each) swarm.failures.push(...each.failures);
    else if ("answers" in each) {
      const answers = [...each.answers];
      target.behave = () => ({ status: answers.shift() ?? 200 });
    } else await new Promise((resolve) => setTimeout(resolve, each.wait));
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      for (const each of steps) await act(each);
      swarm.isManager = true;
      swarm.failures.length = 0;
      target.behave = () => ({ status: 200 });
      const visible = [...swarm.services.values()].filter(({ Spec }) => Spec.Labels?.["com.df.notify"] === "true");
      const expected = visible.map(({ Spec }) => `${Spec.Name} ${Spec.Labels?.["com.df.port"]}`).sort();
      const known = () =>
        [...target.knows].map(([service, query]) => `${service} ${new URLSearchParams(query).get("port")}`).sort();
      await expect.poll(known, { interval: 10, timeout: 12_000 }).toEqual(expected);
    }),
    { numRuns: 25 },
  );
}, 120_000);
