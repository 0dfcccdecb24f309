import { expect, test } from "vitest";
import { scraped, seen, startListener, startSwarm, startTarget, task } from "./test-listener.ts";

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
