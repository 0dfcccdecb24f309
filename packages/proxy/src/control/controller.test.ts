import { silentLogger } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import type { Rendered } from "../render/rendered.ts";
import { defaultParseContext, parseService } from "../service/index.ts";
import { Controller } from "./controller.ts";
import type { Route } from "./route-table.ts";
import { routedQuery } from "./routed-query.ts";
import { FakeHaproxy, pathOf } from "./test-haproxy.ts";

const route = (query: string): Route => {
  const parameters = new URLSearchParams(query);
  return { service: parseService(parameters, defaultParseContext), query: routedQuery(parameters) };
};
const goDemo = (path: string, more = "") => route(`serviceName=go-demo&servicePath=${path}&port=8080${more}`);
const other = (name: string) => route(`serviceName=${name}&servicePath=/${name}&port=80`);

function start({ begun = true } = {}) {
  const haproxy = new FakeHaproxy();
  const clock = new FakeClock();
  const controller = new Controller({
    haproxy,
    render: (services) => ({ config: services.map(pathOf).join("\n") }) as Rendered,
    refuses: ({ templateFePath }) => (templateFePath === "/missing" ? "/missing cannot be read" : undefined),
    accepts: ({ proxyInstanceName }) => proxyInstanceName !== "another",
    clock,
    log: silentLogger,
    told: () => {},
    changed: () => {},
  });
  if (begun) void controller.begin();
  const states = () => [...controller.states()].map(([name, { state, origin }]) => `${name} ${state} (${origin})`);
  return { haproxy, clock, controller, states };
}

test("a route is live when its call resolves", async () => {
  const { haproxy, controller, states } = start();
  await controller.set("http", goDemo("/demo"));
  expect(haproxy.live).toEqual(["/demo"]);
  expect(states()).toEqual(["go-demo live (http)"]);
});

test("a bad update is refused with HAProxy's words, and the route before it stays live", async () => {
  const { haproxy, controller, states } = start();
  await controller.set("http", goDemo("/demo"));
  const update = controller.set("http", goDemo("/bad"));
  await expect(update).rejects.toMatchObject({ message: "unknown path /bad", refused: true });
  expect(haproxy.live).toEqual(["/demo"]);
  expect(states()).toEqual(["go-demo live (http)"]);
});

test("while an update is tried the route before it is live", async () => {
  const { haproxy, controller, states } = start();
  await controller.set("http", goDemo("/demo"));
  const update = controller.set("http", goDemo("/other"));
  await Promise.resolve();
  expect(states()).toEqual(["go-demo pending (http)"]);
  expect(controller.live().map(pathOf)).toEqual(["/demo"]);
  await update;
  expect(controller.live().map(pathOf)).toEqual(["/other"]);
  expect(haproxy.live).toEqual(["/other"]);
});

test("a bad new route is refused and leaves nothing behind", async () => {
  const { haproxy, controller, states } = start();
  await expect(controller.set("http", goDemo("/bad"))).rejects.toThrow("unknown path /bad");
  expect(haproxy.live).toEqual([]);
  expect(states()).toEqual([]);
});

test("calls at the same time lose nothing and share a pass", async () => {
  const { haproxy, controller } = start();
  await controller.apply();
  const before = haproxy.passes;
  const names = Array.from({ length: 300 }, (_, i) => `service-${i}`);
  const bad = controller.set("http", goDemo("/bad")).catch((error) => error.message);
  await Promise.all(names.map((name) => controller.set("http", other(name))));
  expect(await bad).toBe("unknown path /bad");
  expect(haproxy.live).toEqual(names.map((name) => `/${name}`));
  expect(haproxy.passes - before).toBeLessThanOrEqual(3);
});

test("what a source no longer names goes, and a bad version of its does not take the good one with it", async () => {
  const { haproxy, controller, states } = start();
  await controller.replaceAll("swarm", [goDemo("/demo"), other("web")]);
  await controller.replaceAll("swarm", [goDemo("/bad")]);
  expect(haproxy.live).toEqual(["/demo"]);
  expect(states()).toEqual(["go-demo rejected (swarm)"]);
  expect(controller.live().map(pathOf)).toEqual(["/demo"]);
});

test("what was rejected is not tried at each change of others, but when asked to", async () => {
  const { haproxy, controller } = start();
  await controller.replaceAll("swarm", [goDemo("/bad")]);
  const tried: number[] = [];
  const apply = haproxy.apply.bind(haproxy);
  haproxy.apply = (services, render) => {
    tried.push(services.find(({ serviceName }) => serviceName === "go-demo")?.versions.length ?? 0);
    return apply(services, render);
  };
  await controller.set("http", other("web"));
  expect(controller.hasRejected).toBe(true);
  await controller.retry();
  expect(tried).toEqual([0, 1]);
  await controller.remove("swarm", "go-demo");
  expect(controller.hasRejected).toBe(false);
});

test("a request hides what the labels say until it is removed", async () => {
  const { haproxy, controller, states } = start();
  await controller.replaceAll("swarm", [goDemo("/labels")]);
  await controller.set("http", goDemo("/request"));
  expect(haproxy.live).toEqual(["/request"]);
  expect(await controller.remove("http", "go-demo")).toBe(true);
  expect(haproxy.live).toEqual(["/labels"]);
  expect(await controller.remove("http", "go-demo")).toBe(false);
  expect(states()).toEqual(["go-demo live (swarm)"]);
});

test("without replicas, or for another instance of the proxy, there is no route", async () => {
  const { haproxy, controller, states } = start();
  await controller.set("http", goDemo("/demo", "&replicas=0"));
  await controller.set("http", route("serviceName=web&servicePath=/web&port=80&proxyInstanceName=another"));
  expect(haproxy.live).toEqual([]);
  expect(states()).toEqual(["go-demo idle (http)", "web idle (http)"]);
});

test("a route goes when its service has no replicas left, and is back with the first", async () => {
  const { haproxy, controller, states } = start();
  await controller.set("http", goDemo("/demo", "&replicas=2"));
  await controller.set("http", goDemo("/demo", "&replicas=0"));
  expect(haproxy.live).toEqual([]);
  expect(states()).toEqual(["go-demo idle (http)"]);
  await controller.set("http", goDemo("/demo", "&replicas=1"));
  expect(haproxy.live).toEqual(["/demo"]);
});

test("a template that cannot be read is told before anything changes", async () => {
  const { haproxy, controller } = start();
  await controller.apply();
  const before = haproxy.passes;
  await expect(controller.set("http", goDemo("/demo", "&templateFePath=/missing"))).rejects.toThrow(
    "/missing cannot be read",
  );
  expect(haproxy.passes).toBe(before);
});

test("nothing is applied before the sources have told of their routes", async () => {
  const { haproxy, controller } = start({ begun: false });
  void controller.replaceAll("swarm", [goDemo("/demo")]);
  void controller.replaceAll("listener", [other("web")]);
  await Promise.resolve();
  expect(haproxy.passes).toBe(0);
  await controller.begin();
  expect(haproxy.live).toEqual(["/demo", "/web"]);
  expect(haproxy.passes).toBe(1);
});

test("while HAProxy is away a call fails, and what is wanted is tried again", async () => {
  const { haproxy, clock, controller } = start();
  await controller.apply();
  haproxy.away = true;
  await expect(controller.replaceAll("swarm", [goDemo("/demo")])).rejects.toThrow("haproxy is away");
  haproxy.away = false;
  await clock.advance(1000);
  await controller.apply();
  expect(haproxy.live).toEqual(["/demo"]);
});
