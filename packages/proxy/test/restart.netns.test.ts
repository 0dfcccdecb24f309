import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addRoute, metric, until } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// What of a whole skep-proxy outlives its stop, its crash and HAProxy's.

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)(`restarts and crashes${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;

  beforeAll(async () => {
    scene = await ProxyScene.start();
    await addRoute(scene, "one", 9001);
    await addRoute(scene, "two", 9002);
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  const portOf = async (path: string) => (await scene.get(path)).port;

  test("a stop ends HAProxy, and the next start has the routes that came by request", async () => {
    await scene.stopProxy();
    expect(await scene.haproxyPids()).toEqual([]);
    await scene.startProxy();
    expect([await portOf("/one"), await portOf("/two")]).toEqual([9001, 9002]);
  });

  test("a route is kept even if the stop comes right after its answer", async () => {
    await addRoute(scene, "last", 9003);
    const since = performance.now();
    await scene.stopProxy();
    expect(performance.now() - since).toBeLessThan(4000); // HAProxy may lose the signal while it reloads
    await scene.startProxy();
    expect(await portOf("/last")).toBe(9003);
  });

  test("when the controller is killed traffic goes on, and the next one takes HAProxy over without losing a request", async () => {
    const master = await haproxy("master");
    const running = requests(2000);
    await scene.stopProxy("SIGKILL");
    expect(await portOf("/one")).toBe(9001);
    await scene.startProxy();
    expect(await portOf("/two")).toBe(9002);
    expect(await haproxy("master")).toBe(master);
    await addRoute(scene, "after", 9004);
    expect(await portOf("/after")).toBe(9004);
    expect(await running).toEqual({ "200": 2000 });
    expect(await metric(scene, "skep_proxy_haproxy_restarts_total")).toBe(0);
  });

  test.each(["worker", "master"])("when HAProxy's %s is killed, routes are back at once", async (which) => {
    const restarts = (await metric(scene, "skep_proxy_haproxy_restarts_total")) ?? 0;
    const pid = await haproxy(which);
    const since = performance.now();
    process.kill(pid, "SIGKILL");
    await until(async () => (await metric(scene, "skep_proxy_haproxy_restarts_total")) === restarts + 1);
    await until(async () => (await portOf("/one")) === 9001);
    expect(performance.now() - since).toBeLessThan(5000);
    await addRoute(scene, `back-${which}`, 9005);
    expect(await portOf(`/back-${which}`)).toBe(9005);
  });

  /** Of as many requests one after the other, on kept connections, how many ended with which status. */
  async function requests(count: number): Promise<Record<string, number>> {
    const flags = ["-s", "--rate", "400/s", "-m", "120", "-o", "/dev/null", "-w", "%{http_code}\\n"];
    const { stdout } = await scene.run("curl", ...flags, `http://127.0.0.1/one?[1-${count}]`);
    const found: Record<string, number> = {};
    for (const code of stdout.trim().split("\n")) found[code] = (found[code] ?? 0) + 1;
    return found;
  }

  /** The pid of the master, or of the worker, which is its child. */
  async function haproxy(which: string): Promise<number> {
    const pids = await scene.haproxyPids();
    const parents = await Promise.all(
      pids.map(async (pid) => [pid, Number((await readFile(`/proc/${pid}/stat`, "utf8")).split(" ")[3])] as const),
    );
    const found = parents.find(([, parent]) => pids.includes(parent) === (which === "worker"));
    if (!found) throw new Error(`no ${which} among ${pids}`);
    return found[0];
  }
});
