import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Driver } from "../src/runtime/driver.ts";
import { findMasters } from "../src/runtime/find-haproxy.ts";
import { eventually, Load, route, Scene } from "./haproxy-scene.ts";

let scene: Scene;
let web: number;
const controllers: ChildProcess[] = [];

beforeEach(async () => {
  scene = await Scene.create();
  web = await scene.upstream("web");
});

afterEach(async () => {
  for (const controller of controllers.splice(0)) if (controller.kill("SIGKILL")) await once(controller, "exit");
  const last = await scene.startDriver().catch(() => undefined); // ends what a killed controller has left
  await last?.stop(0);
  expect(await findMasters(scene.file("master.sock"), "")).toEqual([]);
  await scene[Symbol.asyncDispose]();
});

/** A controller in a process of its own; what it says when it has started, or could not. */
async function startController(): Promise<{ controller: ChildProcess; said: unknown }> {
  const controller = fork(new URL("./haproxy-controller.ts", import.meta.url), {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  controllers.push(controller);
  const { clock: _, logger: __, ...options } = scene.driverOptions;
  const rendered = scene.render([route("web", web)]);
  controller.send({ options, rendered: { ...rendered, files: [...rendered.files] } });
  const [said] = await once(controller, "message");
  return { controller, said };
}

const pids = async (driver: Driver) => {
  const table = await driver.processes();
  const worker = table?.workers[0];
  if (!worker) throw new Error("no worker"); // a pid of 0 would be ourselves
  return { master: table.master.pid, worker: worker.pid };
};

const answers = async () => {
  try {
    return (await scene.ask("/web")) === "web";
  } catch {
    return false;
  }
};

test.for(["worker", "master"] as const)("HAProxy is back at once when its %s is killed", async (which) => {
  await using driver = await scene.startDriver([route("web", web)]);
  const second = await scene.upstream("web");
  await driver.apply(scene.render([route("web", web, second)]));
  process.kill((await pids(driver))[which], "SIGKILL");
  const startMs = performance.now();
  await eventually(async () => driver.counts.restarts === 1 && (await answers()), 2000);
  console.info(`${which} killed: answers again after ${(performance.now() - startMs).toFixed(0)} ms`);
  expect(driver.generation).toBe(1);
  expect(await driver.apply(scene.render([route("web", second)]))).toMatchObject({ how: "runtime" });
  expect(await answers()).toBe(true);
});

test("a config that is applied while HAProxy is down is live when it is back", async () => {
  await using driver = await scene.startDriver([route("web", web)]);
  const api = await scene.upstream("api");
  process.kill((await pids(driver)).master, "SIGKILL");
  await driver.apply(scene.render([route("web", web), route("api", api)]));
  expect(await scene.ask("/api")).toBe("api");
});

test("HAProxy is started with the last good config when it cannot start with the one in place", async () => {
  let fallbacks = 0;
  await using driver = await scene.startDriver([route("web", web)], { onFallback: () => fallbacks++ });
  await writeFile(scene.file("haproxy.cfg"), "nonsense\n");
  process.kill((await pids(driver)).master, "SIGKILL");
  await eventually(async () => fallbacks === 1 && (await answers()));
  expect(await readFile(scene.file("haproxy.cfg"), "utf8")).toContain("web-be");
  expect(await driver.apply(scene.render([route("web", web)]))).toMatchObject({ how: "reload" });
});

test("HAProxy serves on when its controller is killed, and the next controller takes it over", async () => {
  const { controller, said } = await startController();
  expect(said).toEqual({ generation: 1 });
  const load = new Load(scene.port, ["/web"], 4, 5);
  controller.kill("SIGKILL");
  await once(controller, "exit");
  expect(await answers()).toBe(true);
  const startMs = performance.now();
  await using driver = await scene.startDriver();
  const adoptedMs = performance.now() - startMs;
  const before = await pids(driver);
  const api = await scene.upstream("api");
  await driver.apply(scene.render([route("web", web), route("api", api)]));
  expect(await scene.ask("/api")).toBe("api");
  expect((await pids(driver)).master).toBe(before.master);
  await load.end();
  console.info(`adopted after ${adoptedMs.toFixed(0)} ms; ${load.requests} requests, ${load.failures.length} failed`);
  expect(load.failures).toEqual([]);
  expect(driver.counts.restarts).toBe(0);
});

test("an adopted HAProxy is started again when it ends", async () => {
  const { controller } = await startController();
  controller.kill("SIGKILL");
  await once(controller, "exit");
  await using driver = await scene.startDriver();
  process.kill((await pids(driver)).master, "SIGKILL");
  await eventually(async () => driver.counts.restarts === 1 && (await answers()), 2000);
});

test("an HAProxy that a controller leaves goes on for the next one", async () => {
  const first = await scene.startDriver([route("web", web)]);
  const before = await pids(first);
  await first.leave();
  expect(await answers()).toBe(true);
  await using second = await scene.startDriver();
  expect(await pids(second)).toEqual(before);
});

test("a second controller is refused and disturbs nothing", async () => {
  const { controller } = await startController();
  await expect(scene.startDriver()).rejects.toThrow(
    `another controller (pid ${controller.pid}) runs HAProxy in ${scene.directory}`,
  );
  expect(await answers()).toBe(true);
});

test("a start fails with HAProxy's words when a port is taken, and leaves nothing behind", async () => {
  const taken = await scene.upstream("taken");
  const rendered = scene.render([]);
  const config = rendered.config.replace(`:${scene.port}`, `:${taken}`);
  await expect(Driver.start(scene.driverOptions, { ...rendered, config })).rejects.toThrow(
    /HAProxy does not start: .*cannot bind/s,
  );
  await using driver = await Driver.start({ ...scene.driverOptions, configPath: scene.file("other.cfg") }, rendered);
  expect(driver.generation).toBe(1);
}, 20_000);

test("a missing program is told", async () => {
  await expect(scene.startDriver([], { binary: "no-such-haproxy" })).rejects.toThrow();
}, 30_000);

test("a stop lets requests end", async () => {
  const driver = await scene.startDriver([route("web", web)]);
  const slow = scene.ask("/web/slow");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const startMs = performance.now();
  await driver.stop(5000);
  expect(await slow).toBe("web");
  expect(performance.now() - startMs).toBeLessThan(3000);
  expect(await answers()).toBe(false);
});

test("a stop does not wait for ever", async () => {
  const driver = await scene.startDriver([route("web", web)]);
  const slow = scene.ask("/web/slow").catch(() => "cut");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await driver.stop(200);
  expect(await slow).toBe("cut");
});

test("a stop ends what is being applied, and nothing is applied after it", async () => {
  const driver = await scene.startDriver([route("web", web)]);
  expect(await driver.version()).toMatch(/^[23]\.\d+/);
  const applied = driver.apply(scene.render([route("other", web)]));
  const outcome = applied.then(
    () => "applied",
    (error: Error) => error.message,
  );
  await driver.stop(0);
  expect(["applied", "the proxy ends"]).toContain(await outcome);
  await expect(driver.apply(scene.render([route("web", web)]))).rejects.toThrow("the proxy ends");
  await driver.stop(0);
});
