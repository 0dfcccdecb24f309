import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { silentLogger, systemClock } from "@skep/model";
import { afterEach, expect, test } from "vitest";
import type { Rendered } from "../render/rendered.ts";
import { defaultParseContext, type ProxyService, parseService } from "../service/index.ts";
import { readSettings } from "../settings/index.ts";
import type { SwarmClient } from "../sources/index.ts";
import { Controller } from "./controller.ts";
import { followListeners, takeInEnvironment } from "./follow-sources.ts";
import { RouteReader } from "./route-reader.ts";
import { FakeHaproxy, pathOf } from "./test-haproxy.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function startController() {
  const haproxy = new FakeHaproxy();
  const told: ProxyService[] = [];
  const controller = new Controller({
    haproxy,
    render: (services) => ({ config: services.map(pathOf).join("\n") }) as Rendered,
    refuses: () => undefined,
    accepts: () => true,
    clock: systemClock,
    log: silentLogger,
    told: (services) => told.push(...services),
    changed: () => {},
  });
  void controller.begin();
  return { haproxy, controller, told };
}

const web = { serviceName: "web", servicePath: "/web", port: "8080" };
const pem = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----";
const api = { serviceName: "api", servicePath: "/api", port: "8080" };

/**
 * A listener that names these services, followed until the test ends; `existing` are those of the swarm, null when it cannot be
 * asked.
 */
async function follow(
  services: readonly Record<string, string>[],
  env: Record<string, string> = {},
  existing: readonly string[] | null = [],
) {
  const listener = { services, asked: 0 };
  const server = createServer((_, response) => {
    listener.asked++;
    response.end(JSON.stringify(listener.services));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const ending = new AbortController();
  cleanups.push(() => {
    ending.abort();
    server.closeAllConnections();
    server.close();
  });
  const { haproxy, controller, told: named } = startController();
  const reader = new RouteReader(defaultParseContext, silentLogger);
  const LISTENER_ADDRESS = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const settings = readSettings({ LISTENER_ADDRESS, RELOAD_INTERVAL: "10", ...env }, () => undefined);
  const routeOf = (parameters: URLSearchParams) => reader.read(parameters);
  let told = 0;
  let lists = 0;
  const swarm = {
    services: async () => {
      lists++;
      return (existing ?? []).map((Name) => ({ Spec: { Name } }));
    },
  } as unknown as SwarmClient;
  const followed = followListeners(
    { controller, routeOf, settings, clock: systemClock, log: silentLogger },
    existing === null ? undefined : swarm,
    () => told++,
    ending.signal,
  );
  return { listener, haproxy, controller, followed, named, told: () => told, lists: () => lists };
}

test("what a listener names is live after one answer, in one pass", async () => {
  const { haproxy, followed, told, listener } = await follow([web, api]);
  await followed;
  await expect.poll(() => haproxy.live).toEqual(["/web", "/api"]);
  expect([listener.asked, told()]).toEqual([1, 1]);
  expect(haproxy.passes).toBeLessThanOrEqual(2);
});

test("a listener's parameters are read as those of a request", async () => {
  const parameters = {
    ...{ serviceName: "web", aclName: "05-web", distribute: "true", replicas: "3", users: "ann:p+q&r" },
    ...{ addReqHeader: 'X-A "1",X-B 2', "servicePath.1": "/a,/b", "port.1": "80", "serviceDomain.2": "x.com" },
    ...{ "port.2": "81", httpsOnly: "true", reqPathSearchReplace: "/a,/b:/c,", alertName: "memory" },
  };
  const { controller, followed } = await follow([parameters]);
  await followed;
  const asRequest = parseService(new URLSearchParams(`${new URLSearchParams(parameters)}`), defaultParseContext);
  expect(controller.routesOf("listener").get("web")?.service).toEqual(asRequest);
  expect(asRequest.destinations.map(({ servicePath, port }) => `${servicePath} ${port}`)).toEqual(["/a,/b 80", "/ 81"]);
});

test("a service that cannot be used is told of, and the others are live", async () => {
  const { haproxy, controller, followed } = await follow([{ serviceName: "web", servicePath: "/web" }, api]);
  await followed;
  await expect.poll(() => haproxy.live).toEqual(["/api"]);
  expect(controller.problems.get("web")).toEqual({
    origin: "listener",
    reason: 'When MODE is set to "service" or "swarm", the port query is mandatory',
  });
});

test("with REPEAT_RELOAD what neither listener nor swarm knows any more goes, and what is named anew comes", async () => {
  const { listener, haproxy } = await follow([web], { REPEAT_RELOAD: "true" });
  await expect.poll(() => haproxy.live).toEqual(["/web"]);
  listener.services = [api];
  await expect.poll(() => haproxy.live).toEqual(["/api"]);
  listener.services = [];
  await expect.poll(() => haproxy.live).toEqual([]);
});

test("with REPEAT_RELOAD a service whose tasks are not all running keeps its route, also under a short name", async () => {
  const { listener, haproxy } = await follow([web, api], { REPEAT_RELOAD: "true" }, ["shop_web"]);
  await expect.poll(() => haproxy.live).toEqual(["/web", "/api"]);
  listener.services = [];
  await expect.poll(() => haproxy.live).toEqual(["/web"]);
});

test("of what an answer leaves out the swarm is asked once", async () => {
  const services = Array.from({ length: 20 }, (_, i) => ({ ...web, serviceName: `web-${i}` }));
  const { listener, haproxy, lists } = await follow([...services, api], { REPEAT_RELOAD: "true" }, ["api"]);
  await expect.poll(() => haproxy.live).toHaveLength(21);
  listener.services = [api];
  await expect.poll(() => haproxy.live).toEqual(["/api"]);
  expect(lists()).toBe(1);
});

test("with REPEAT_RELOAD and no swarm to ask, what several answers leave out goes", async () => {
  const { listener, haproxy } = await follow([web], { REPEAT_RELOAD: "true" }, null);
  await expect.poll(() => haproxy.live).toEqual(["/web"]);
  listener.services = [api];
  const asked = listener.asked;
  await expect.poll(() => haproxy.live).toEqual(["/api"]);
  expect(listener.asked - asked).toBeGreaterThanOrEqual(3);
});

test("certificates that come with services are told of", async () => {
  const { followed, named } = await follow([{ ...web, serviceCert: pem }]);
  await followed;
  expect(named).toMatchObject([{ serviceName: "web", serviceCert: pem }]);
});

test("with REPEAT_RELOAD a bad update leaves the route before it", async () => {
  const { listener, haproxy, controller } = await follow([web], { REPEAT_RELOAD: "true" });
  await expect.poll(() => haproxy.live).toEqual(["/web"]);
  listener.services = [{ ...web, port: "http" }];
  await expect.poll(() => controller.problems.get("web")?.reason).toContain('port "http" must be');
  expect(haproxy.live).toEqual(["/web"]);
});

test("services of the environment are live in one pass, and a bad one is told of", async () => {
  const { haproxy, controller } = startController();
  await controller.apply();
  const before = haproxy.passes;
  const service = (number: number, name: string, port = "80") => ({
    [`DFP_SERVICE_${number}_SERVICE_NAME`]: name,
    [`DFP_SERVICE_${number}_SERVICE_PATH`]: `/${name}`,
    [`DFP_SERVICE_${number}_PORT`]: port,
  });
  const env = { ...service(1, "one"), ...service(2, "two", "http"), ...service(3, "three") };
  takeInEnvironment(controller, env, defaultParseContext);
  await expect.poll(() => haproxy.live).toEqual(["/one", "/three"]);
  expect(haproxy.passes - before).toBe(1);
  expect(controller.problems.get("two")).toMatchObject({ origin: "environment" });
});
