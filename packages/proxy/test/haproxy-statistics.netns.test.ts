import { afterEach, beforeEach, expect, test } from "vitest";
import { renderExposition, StatTotals, statFamilies } from "../src/metrics/index.ts";
import type { Driver } from "../src/runtime/driver.ts";
import { EchoConnection, eventually, route, Scene } from "./haproxy-scene.ts";

let scene: Scene;
let driver: Driver;
let web: number;

beforeEach(async () => {
  scene = await Scene.create();
  web = await scene.upstream("web");
  driver = await scene.startDriver([route("web", web)]);
});

afterEach(async () => {
  await driver.stop(0);
  await scene[Symbol.asyncDispose]();
});

test("counters go on over a reload, and show under the original's names", async () => {
  const totals = new StatTotals();
  const metrics = async () => renderExposition(statFamilies(totals.take(await driver.statistics()))).split("\n");
  using echo = await EchoConnection.open(scene.port, "/web");
  for (let i = 0; i < 3; i++) await scene.ask("/web");
  const three = 'haproxy_backend_http_responses_total{backend="web-be",code="2xx"} 3';
  await eventually(async () => (await metrics()).includes(three));
  await driver.apply(scene.render([route("web", web), route("other", web)]));
  await scene.ask("/web");
  // HAProxy counts a request after the client has its answer
  const four = 'haproxy_backend_http_responses_total{backend="web-be",code="2xx"} 4';
  await eventually(async () => (await metrics()).includes(four));
  const lines = await metrics();
  expect(lines).toContain('haproxy_backend_connections_total{backend="web-be"} 5');
  expect(lines).toContain('haproxy_backend_current_sessions{backend="web-be"} 1'); // the old worker's
  expect(lines).toContain(`haproxy_server_up{backend="web-be",server="web.${web}"} 1`);
  echo[Symbol.dispose]();
  await eventually(async () => (await driver.processes())?.oldWorkers.length === 0);
  expect(await metrics()).toContain('haproxy_backend_connections_total{backend="web-be"} 5');
  expect(totals.failures).toBe(0);
});
