import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { applyBest } from "../src/runtime/apply-best.ts";
import type { Driver } from "../src/runtime/driver.ts";
import { EchoConnection, eventually, Load, route, Scene, type TestRoute } from "./haproxy-scene.ts";

let scene: Scene;
let driver: Driver;
let web: number;
let api: number;

beforeEach(async () => {
  scene = await Scene.create();
  [web, api] = [await scene.upstream("web"), await scene.upstream("api")];
  driver = await scene.startDriver([route("web", web)]);
});

afterEach(async () => {
  await driver.stop(0);
  await scene[Symbol.asyncDispose]();
});

const status = async (path: string) => (await fetch(`http://127.0.0.1:${scene.port}${path}`)).status;

test("starts with the bootstrap config when there is none on disk", async () => {
  expect(await scene.ask("/web")).toBe("web");
  expect(driver.generation).toBe(1);
  expect(await readFile(scene.file("haproxy.cfg"), "utf8")).toContain("setenv DF_GENERATION 1\n");
});

test("a new service needs a reload, which is done when apply resolves", async () => {
  const applied = await driver.apply(scene.render([route("web", web), route("api", api)]));
  expect(applied).toMatchObject({ how: "reload", generation: 2, steps: [] });
  expect(await scene.ask("/api")).toBe("api");
  expect(await scene.ask("/web")).toBe("web");
});

test("the same config is not applied again", async () => {
  expect(await driver.apply(scene.render([route("web", web)]))).toMatchObject({ how: "unchanged", generation: 1 });
  expect(driver.counts).toMatchObject({ reloads: 0, runtimeChanges: 0 });
});

test("tasks come and go without a reload, and share the requests evenly", async () => {
  const second = await scene.upstream("second");
  const applied = await driver.apply(scene.render([route("web", web, second)]));
  expect(applied).toMatchObject({ how: "runtime", steps: [`add server web-be/web.${second} 127.0.0.1:${second}`] });
  const answers = [];
  for (let i = 0; i < 10; i++) answers.push(await scene.ask("/web"));
  expect(answers.filter((answer) => answer === "second")).toHaveLength(5);
  await driver.apply(scene.render([route("web", second)]));
  expect(await scene.ask("/web")).toBe("second");
  expect(driver.counts.reloads).toBe(0);
  expect(await readFile(scene.file("haproxy.cfg"), "utf8")).not.toContain(`127.0.0.1:${web} `);
});

test("a task that stops gets no new request and finishes those that it has", async () => {
  const second = await scene.upstream("second");
  const slow = scene.ask("/web/slow");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await driver.apply(scene.render([route("web", second)]));
  for (let i = 0; i < 5; i++) expect(await scene.ask("/web")).toBe("second");
  expect(await slow).toBe("web");
});

test("a task that comes back before its server is gone is let in again", async () => {
  const second = await scene.upstream("second");
  const slow = scene.ask("/web/slow");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await driver.apply(scene.render([route("web", second)]));
  const applied = await driver.apply(scene.render([route("web", web)]));
  expect(applied.steps).toEqual([`readmit server web-be/web.${web}`, `retire server web-be/web.${second}`]);
  expect(await scene.ask("/web")).toBe("web");
  expect(await slow).toBe("web");
});

test("a retired server is removed when it has nothing to do any more", async () => {
  const second = await scene.upstream("second");
  await driver.apply(scene.render([route("web", second)]));
  const servers = async () => (await driver.statistics())[0]?.csv?.match(/^web-be,web\.\d+/gm);
  await eventually(async () => (await servers())?.length === 1);
});

test("routes are moved between backends by the map alone", async () => {
  const [a, b] = [route("web", web), route("api", api)];
  await driver.apply(scene.render([a, b]));
  const applied = await driver.apply(scene.render([a, { ...b, path: "/moved" }]));
  expect(applied.how).toBe("runtime");
  expect(await scene.ask("/moved")).toBe("api");
  expect(await status("/api")).toBe(503);
});

test("a map of thousands of routes is replaced at once", async () => {
  const structure = [route("web", web), route("api", api)];
  const withRoutes = (count: number, backend: string) => {
    const rendered = scene.render(structure);
    const map = Array.from({ length: count }, (_, i) => `/r${i};a ${backend}\n`).join("");
    return { ...rendered, files: new Map([[scene.file("routes.map"), map]]) };
  };
  await driver.apply(scene.render(structure));
  expect((await driver.apply(withRoutes(3000, "web-be"))).how).toBe("runtime");
  expect(await scene.ask("/r2999;a")).toBe("web");
  expect((await driver.apply(withRoutes(2999, "api-be"))).how).toBe("runtime");
  expect(await scene.ask("/r2998;a")).toBe("api");
  expect(await status("/r2999;a")).toBe(503);
});

test("an option that HAProxy does not take at run time leads to a reload", async () => {
  const second = await scene.upstream("second");
  const rendered = scene.render([route("web", web, second)]);
  const sticky = {
    ...rendered,
    config: rendered.config.replace(`:${second} no-backup`, `:${second} no-backup cookie b`),
    servers: rendered.servers.map((server, i) => (i === 1 ? { ...server, options: "no-backup cookie b" } : server)),
  };
  expect(await driver.apply(sticky)).toMatchObject({ how: "reload" });
  expect(driver.counts.unexpectedAnswers).toBe(1);
  expect(new Set([await scene.ask("/web"), await scene.ask("/web")])).toEqual(new Set(["web", "second"]));
});

test("a broken config leaves the old one live, on disk too, and tells HAProxy's reason", async () => {
  const before = await readFile(scene.file("haproxy.cfg"), "utf8");
  const broken = scene.render([route("web", web), { ...route("bad", api), lines: ["acl x path_reg ((("] }]);
  await expect(driver.apply(broken)).rejects.toThrow(/haproxy\.cfg:\d+\] : .*regex '\(\(\(' is invalid/);
  expect(await readFile(scene.file("haproxy.cfg"), "utf8")).toBe(before);
  expect(await scene.ask("/web")).toBe("web");
  expect(driver.counts).toMatchObject({ reloads: 0, failedChecks: 1 });
});

test("a broken config that nobody has checked leaves the old one live, on disk too", async () => {
  const before = await readFile(scene.file("haproxy.cfg"), "utf8");
  const load = new Load(scene.port, ["/web"], 4, 2);
  const broken = scene.render([route("web", web), { ...route("bad", api), lines: ["acl x path_reg ((("] }]);
  await expect(driver.apply(broken, { unchecked: true })).rejects.toThrow(
    /haproxy\.cfg:\d+\] : .*regex '\(\(\(' is invalid/,
  );
  expect(await readFile(scene.file("haproxy.cfg"), "utf8")).toBe(before);
  expect(driver.counts).toMatchObject({ reloads: 0, failedReloads: 1, checks: 0 });
  expect(await driver.apply(scene.render([route("web", web), route("api", api)]), { unchecked: true })).toMatchObject({
    how: "reload",
    generation: 2,
  });
  expect(await scene.ask("/api")).toBe("api");
  await load.end();
  expect(load.failures).toEqual([]);
});

test("the best of what is wanted is applied, and the rest rejected with HAProxy's words", async () => {
  const wanted = [route("web", web), { ...route("bad", api), lines: ["nonsense"] }, route("api", api)];
  const candidates = wanted.map((each) => ({ serviceName: each.name, versions: [each] }));
  const render = (routes: readonly TestRoute[]) => scene.render(routes);
  const best = await applyBest(driver, { candidates, render });
  expect([...best.rejected]).toEqual([
    ["bad", expect.stringContaining("unknown keyword 'nonsense' in 'backend' section")],
  ]);
  expect(best.applied).toMatchObject({ how: "reload", generation: 2 });
  expect(await scene.ask("/api")).toBe("api");
  const again = await applyBest(driver, {
    candidates: candidates.filter(({ serviceName }) => serviceName !== "bad"),
    render,
  });
  expect(again).toMatchObject({ checks: 1, applied: { how: "unchanged" } });
});

test("a bad version of a good service leaves the good one live", async () => {
  const [good, bad] = [route("web", web), { ...route("web", web), lines: ["nonsense"] }];
  const candidates = [{ serviceName: "web", versions: [bad, good] }];
  const best = await applyBest(driver, { candidates, render: (routes: readonly TestRoute[]) => scene.render(routes) });
  expect(best.chosen.get("web")).toBe(good);
  expect(best.rejected.get("web")).toContain("nonsense");
  expect(await scene.ask("/web")).toBe("web");
});

test("a config that passes the check and does not load leaves the old one live", async () => {
  const taken = await scene.upstream("taken");
  const rendered = scene.render([route("web", web)]);
  const line = `    bind 127.0.0.1:${taken}\n`;
  const unable = {
    ...rendered,
    config: rendered.config.replace("frontend services\n", `$&${line}`),
    structure: "other",
  };
  await expect(driver.apply(unable)).rejects.toThrow(/cannot bind socket/i);
  expect(driver.counts).toMatchObject({ reloads: 0, failedReloads: 1 });
  expect(await scene.ask("/web")).toBe("web");
  expect(await driver.apply(scene.render([route("web", web), route("api", api)]))).toMatchObject({ how: "reload" });
  expect(await scene.ask("/api")).toBe("api");
});

test("two hundred changes at once are all live after few reloads", async () => {
  const routes = [route("web", web)];
  const wishes = Array.from({ length: 200 }, (_, i) => {
    routes.push(route(`s${i}`, api));
    return driver.apply(scene.render(routes));
  });
  await Promise.all(wishes);
  for (const i of [0, 99, 199]) expect(await scene.ask(`/s${i}`)).toBe("api");
  expect(driver.counts.reloads).toBeLessThanOrEqual(3);
});

test("changes that arrive one after the other while HAProxy reloads are coalesced", async () => {
  const routes = [route("web", web)];
  const wishes: Promise<unknown>[] = [];
  const startMs = performance.now();
  for (let i = 0; i < 200; i++) {
    routes.push(route(`s${i}`, api));
    const rendered = scene.render(routes);
    wishes.push(driver.apply(rendered).then(async () => expect(await scene.ask(`/s${i}`)).toBe("api")));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(wishes);
  console.info(`200 changes: ${driver.counts.reloads} reloads, ${(performance.now() - startMs).toFixed(0)} ms`);
  expect(driver.counts.reloads).toBeLessThan(40);
}, 20_000);

test("an upgraded connection survives reloads, and old workers end with their connections", async () => {
  const rendered = (i: number) =>
    scene.render([route("web", web), { ...route("api", api), path: "/x", lines: [`# ${i}`] }]);
  using echo = await EchoConnection.open(scene.port, "/web");
  for (let i = 0; i < 5; i++) await driver.apply(rendered(i));
  expect(await echo.echoes("still here")).toBe(true);
  await eventually(async () => (await driver.processes())?.oldWorkers.length === 1);
  echo[Symbol.dispose]();
  await eventually(async () => (await driver.processes())?.oldWorkers.length === 0);
});

test("of too many old workers the oldest ends", async () => {
  await driver.stop(0);
  driver = await scene.startDriver([], { mostOldWorkers: 2 });
  const echoes: EchoConnection[] = [];
  for (let i = 0; i < 4; i++) {
    echoes.push(await EchoConnection.open(scene.port, "/web"));
    await driver.apply(
      scene.render([route("web", web), ...Array.from({ length: i + 1 }, (_, n) => route(`s${n}`, api))]),
    );
  }
  await eventually(() => echoes.filter(({ closed }) => closed).length === 2);
  expect(echoes.map(({ closed }) => closed)).toEqual([true, true, false, false]);
  for (const echo of echoes) echo[Symbol.dispose]();
});

test("old workers end at once where that is asked for", async () => {
  await driver.stop(0);
  driver = await scene.startDriver([], { mostOldWorkers: 0 });
  using echo = await EchoConnection.open(scene.port, "/web");
  await driver.apply(scene.render([route("web", web), route("api", api)]));
  await eventually(() => echo.closed);
});

test("a config on disk that HAProxy refuses is passed over for the last good one", async () => {
  await driver.apply(scene.render([route("web", web), route("api", api)]));
  await driver.stop(0);
  await writeFile(scene.file("haproxy.cfg"), "nonsense\n");
  driver = await scene.startDriver();
  expect(await scene.ask("/api")).toBe("api");
  expect(driver.generation).toBe(2);
});
