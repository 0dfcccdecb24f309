import { afterEach, beforeEach, expect, test } from "vitest";
import type { Driver } from "../src/runtime/driver.ts";
import { EchoConnection, eventually, Load, route, Scene, type TestRoute } from "./haproxy-scene.ts";

let scene: Scene;
let driver: Driver;
let tasks: number[];

beforeEach(async () => {
  scene = await Scene.create();
  tasks = [await scene.upstream("a"), await scene.upstream("b"), await scene.upstream("c")];
  driver = await scene.startDriver(steady());
});

afterEach(async () => {
  await driver.stop(0);
  await scene[Symbol.asyncDispose]();
});

/** Services that are asked all the time, among `others` that come and go. */
const steady = (others: readonly TestRoute[] = []): TestRoute[] => [
  route("web", ...tasks),
  ...others,
  route("api", ...tasks),
];

const quantiles = (times: number[]) => {
  times.sort((a, b) => a - b);
  const at = (q: number) => times[Math.min(times.length - 1, Math.floor(times.length * q))]?.toFixed(1);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms`;
};

test("no request is lost in 30 reloads and 100 runtime changes, and long connections go on", async () => {
  const load = new Load(scene.port, ["/web", "/api"], 16, 5);
  const echoes: EchoConnection[] = [];
  const reloadTimes: number[] = [];
  for (let i = 0; i < 30; i++) {
    if (i % 10 === 0) echoes.push(await EchoConnection.open(scene.port, "/web"));
    const applied = await driver.apply(scene.render(steady([route(`s${i}`, ...tasks)])));
    expect(applied.how).toBe("reload");
    reloadTimes.push(applied.tookMs);
  }
  const others = [route("s29", ...tasks)];
  const runtimeTimes: number[] = [];
  for (let i = 0; i < 100; i++) {
    const some = tasks.filter((_, task) => (i + task) % 3 !== 0);
    const routes = steady(others).map((each) => ({ ...each, tasks: some }));
    const applied = await driver.apply(scene.render(routes));
    expect(applied.how).toBe("runtime");
    runtimeTimes.push(applied.tookMs);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await load.end();
  console.info(`${load.requests} requests; reload ${quantiles(reloadTimes)}; runtime ${quantiles(runtimeTimes)}`);
  expect(load.failures).toEqual([]);
  for (const echo of echoes) expect(await echo.echoes("still here")).toBe(true);
  expect(driver.counts).toMatchObject({
    reloads: 30,
    runtimeChanges: 100,
    unexpectedAnswers: 0,
    failedReloads: 0,
    restarts: 0,
  });
  // each long connection keeps one old worker; idle ones end with `timeout http-keep-alive`
  await eventually(async () => (await driver.processes())?.oldWorkers.length === echoes.length);
  for (const echo of echoes) echo[Symbol.dispose]();
}, 40_000);

test("beside a thousand services, a new one needs one reload and its tasks none", async () => {
  const many = Array.from({ length: 1000 }, (_, i) => route(`m${i}`, ...tasks));
  await driver.apply(scene.render(many));
  const reloadTimes: number[] = [];
  const runtimeTimes: number[] = [];
  for (let i = 0; i < 10; i++) {
    const wanted = [...many.slice(0, 500), route(`new${i}`, ...tasks.slice(0, 2)), ...many.slice(500)];
    reloadTimes.push((await driver.apply(scene.render(wanted))).tookMs);
    const more = wanted.map((each) => (each.name === `new${i}` ? { ...each, tasks } : each));
    runtimeTimes.push((await driver.apply(scene.render(more))).tookMs);
    expect(await scene.ask(`/new${i}`)).toMatch(/^[abc]$/);
  }
  console.info(`1000 services: reload ${quantiles(reloadTimes)}; runtime ${quantiles(runtimeTimes)}`);
  expect(driver.counts).toMatchObject({ reloads: 11, runtimeChanges: 10 });
}, 40_000);

test("a thousand tasks at once are added at run time", async () => {
  const many = Array.from({ length: 200 }, (_, i) => route(`m${i}`, tasks[0] ?? 0));
  await driver.apply(scene.render(many));
  const ports = Array.from({ length: 5 }, (_, i) => 20_000 + i);
  const applied = await driver.apply(scene.render(many.map((each) => ({ ...each, tasks: [...each.tasks, ...ports] }))));
  console.info(`1000 servers added in ${applied.tookMs.toFixed(0)} ms`);
  expect(applied.how).toBe("runtime");
});
