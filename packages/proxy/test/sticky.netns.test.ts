import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addRoute, until, upstreamRoute } from "./proxy-calls.ts";
import { ProxyScene } from "./proxy-scene.ts";

// sessionType=sticky-server over tasks that come and go, as clients with cookies meet it.

const isRoot = process.getuid?.() === 0;
const nameServer = fileURLToPath(new URL("./name-server.ts", import.meta.url));
const upstreams = fileURLToPath(new URL("./upstreams.ts", import.meta.url));
const [first, second, third] = ["10.0.1.2", "10.0.1.3", "10.0.1.4"] as const;
const port = 9010;

describe.skipIf(!isRoot)(`sticky sessions${isRoot ? "" : ": skipped, it needs root"}`, () => {
  let scene: ProxyScene;
  let names: ChildProcess;
  const tasks = new Map<string, ChildProcess>();

  beforeAll(async () => {
    scene = await ProxyScene.start({}, async (prepared) => {
      for (const address of [first, second, third]) {
        await prepared.run("ip", "address", "add", address, "dev", "lo");
        tasks.set(address, await startNode(prepared, upstreams, `${address}:${port}`));
      }
      names = await startNode(prepared, nameServer);
      await prepared.useNameServer("127.0.0.1");
    });
    nameTasks(first, second);
    const { status } = await scene.reconfigure(upstreamRoute("web", port, { sessionType: "sticky-server" }));
    expect(status).toBe(200);
    await until(async () => (await scene.config()).includes(second));
    await until(async () => (await scene.get("/web")).status === 200);
  }, 60_000);

  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  }, 30_000);

  async function startNode(of: ProxyScene, ...command: string[]): Promise<ChildProcess> {
    const child = of.spawn([process.execPath, "--disable-warning=ExperimentalWarning", ...command]);
    if (child.stdout) await once(child.stdout, "data");
    return child;
  }

  const nameTasks = (...addresses: string[]) => names.stdin?.write(`tasks.web ${addresses.join(" ")}\n`);

  /** Which task answered, and the cookie that came with it. */
  async function ask(cookie?: string) {
    const { headers, asked } = await scene.get("/web", ...(cookie === undefined ? [] : ["-b", cookie]));
    return { task: headers["x-upstream"]?.split(":")[0], cookie: headers["set-cookie"]?.split(";")[0], asked };
  }
  const tasksOf = async (count: number, cookie?: string) =>
    new Set((await Promise.all(Array.from({ length: count }, () => ask(cookie)))).map(({ task }) => task));

  /** The cookie of a client that has come to a task. */
  async function cookieOf(task: string): Promise<string> {
    let found: string | undefined;
    await until(async () => {
      const answer = await ask();
      if (answer.task === task) found = answer.cookie;
      return found !== undefined;
    });
    return found ?? "";
  }

  test("clients without a cookie are balanced, and each stays where it came to", async () => {
    expect(await tasksOf(10)).toEqual(new Set([first, second]));
    for (const task of [first, second]) {
      const cookie = await cookieOf(task);
      expect(cookie).toMatch(/^web=[0-9a-f]+$/);
      expect(await tasksOf(20, cookie)).toEqual(new Set([task]));
      const { asked, cookie: again } = await ask(cookie);
      expect([asked?.headers.cookie, again]).toEqual([undefined, undefined]); // it is between client and proxy
    }
  });

  test("a cookie outlives a reload, and the coming and going of another task", async () => {
    const cookies = { [first]: await cookieOf(first), [second]: await cookieOf(second) };
    const expectKept = async () => {
      for (const [task, cookie] of Object.entries(cookies)) expect(await tasksOf(10, cookie)).toEqual(new Set([task]));
    };
    await addRoute(scene, "other", 9001);
    await expectKept();
    nameTasks(first, second, third);
    await cookieOf(third);
    await expectKept();
    nameTasks(first, second);
    await until(async () => !(await tasksOf(10)).has(third));
    await expectKept();
  });

  test.each(["SIGTERM", "SIGKILL"] as const)("a cookie outlives a restart of the proxy after %s", async (signal) => {
    const cookie = await cookieOf(second);
    await scene.stopProxy(signal);
    await scene.startProxy();
    expect(await ask(cookie)).toMatchObject({ task: second, cookie: undefined });
    expect(await tasksOf(10, cookie)).toEqual(new Set([second]));
  });

  test("when its task dies a client goes to another one, without an error, and stays there", async () => {
    const [moving, staying] = [await cookieOf(first), await cookieOf(second)];
    const task = tasks.get(first);
    const ended = task && once(task, "exit");
    task?.kill("SIGKILL");
    await ended;
    const answer = await ask(moving);
    expect(answer).toMatchObject({ task: second, cookie: staying });
    expect(await tasksOf(20, moving)).toEqual(new Set([second]));
    nameTasks(second); // nor is there a name of it any more
    await until(async () => !(await scene.config()).includes(first));
    expect(await tasksOf(20, moving)).toEqual(new Set([second]));
    expect(await tasksOf(20, staying)).toEqual(new Set([second]));
  });
});
