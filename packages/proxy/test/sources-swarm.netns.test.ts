import { silentLogger, systemClock } from "@skep/model";
import { PrivateEngine, privateEngineProblem } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseListenerSettings } from "../src/sources/listener/listener-settings.ts";
import { SwarmListener } from "../src/sources/listener/swarm-listener.ts";
import { TestTarget } from "../src/sources/listener/test-target.ts";
import { SharedRoutes } from "../src/sources/swarm/shared-routes.ts";
import { SwarmClient } from "../src/sources/swarm/swarm-client.ts";
import { watchSwarmServices } from "../src/sources/swarm/swarm-services.ts";

const problem = privateEngineProblem();
const common = { clock: systemClock, log: silentLogger };
const never = new AbortController().signal;
const soon = { timeout: 20_000 };

describe.skipIf(problem)(`a real Docker Swarm ${problem ?? ""}`, { timeout: 120_000 }, () => {
  let engine: PrivateEngine;
  let client: SwarmClient;

  beforeAll(async () => {
    engine = await PrivateEngine.start();
    await engine.importBusybox();
    client = new SwarmClient(`unix://${engine.socketPath}`);
  }, 60_000);

  afterAll(async () => {
    client?.[Symbol.dispose]();
    await engine?.stop();
  }, 60_000);

  const service = (verb: string, ...args: readonly string[]) => engine.docker(["service", verb, ...args]);
  const create = (name: string, ...flags: readonly string[]) =>
    service(
      "create",
      "-d",
      "--no-resolve-image",
      "--stop-grace-period",
      "1s",
      "--name",
      name,
      ...flags,
      "busybox:test",
      "sleep",
      "600",
    );
  const running = async (name: string) =>
    (await client.tasks({ service: [name], "desired-state": ["running"] }, never))
      .filter(({ Status }) => Status.State === "running")
      .map(({ ID }) => ID)
      .sort();

  /** Follows the swarm until the test ends; the names it sees, and the own service's labels. */
  function follow(ending: AbortSignal, onOwn: (own: Parameters<SharedRoutes["observe"]>[0]) => void = () => {}) {
    const seen = { names: undefined as readonly string[] | undefined, problem: "" };
    void (async () => {
      const onProblem = (error: Error | undefined) => {
        seen.problem = error?.message ?? "";
      };
      for await (const { services, own } of watchSwarmServices(
        client,
        { ...common, onProblem, ownServiceName: "proxy" },
        ending,
      )) {
        seen.names = services.map(({ name, replicas }) => `${name} ${replicas ?? "global"}`);
        onOwn(own);
      }
    })();
    return seen;
  }

  /** By events: the service itself has forgotten how an update went as soon as it is written to again. */
  async function collectUpdateStates(ending: AbortSignal, states: (string | undefined)[]): Promise<void> {
    for await (const { Actor } of client.events({ type: ["service"] }, ending, () => {}))
      states.push((Actor as { Attributes?: Record<string, string> }).Attributes?.["updatestate.new"]);
  }

  test("is waited for, and followed once it is there", async () => {
    const ending = new AbortController();
    const seen = follow(ending.signal);
    await expect.poll(() => seen.problem).toMatch(/^This node is not a swarm manager/);
    await engine.docker(["swarm", "init", "--advertise-addr", "127.0.0.1"]);
    await expect.poll(() => seen.names, soon).toEqual([]);
    await create("web", "--label", "com.df.notify=true", "--replicas", "0");
    await expect.poll(() => seen.names, soon).toEqual(["web 0"]);
    await service("scale", "-d", "web=1");
    await expect.poll(() => seen.names, soon).toEqual(["web 1"]);
    await create("other", "--replicas", "0");
    await service("update", "-d", "--no-resolve-image", "--label-add", "com.df.notify=false", "web");
    await expect.poll(() => seen.names, soon).toEqual([]);
    await service("update", "-d", "--no-resolve-image", "--label-add", "com.df.notify=true", "other");
    await expect.poll(() => seen.names, soon).toEqual(["other 0"]);
    await service("rm", "web", "other");
    await expect.poll(() => seen.names, soon).toEqual([]);
    ending.abort();
  });

  test("keeps shared routes as labels, without restarting a task or spoiling an automatic rollback", async () => {
    const flags = [
      "--replicas",
      "2",
      "--limit-memory",
      "64M",
      "--update-failure-action",
      "rollback",
      "--update-monitor",
      "3s",
    ];
    await create("proxy", "--label", "team=edge", ...flags);
    await expect.poll(() => running("proxy"), soon).toHaveLength(2);
    const tasks = await running("proxy");
    const ending = new AbortController();
    const replicas = [1, 2].map(() => new SharedRoutes(client, { ...common, serviceName: "proxy" }));
    follow(ending.signal, (own) => replicas.map((replica) => replica.observe(own)));
    const routes = () => replicas.map((replica) => Object.fromEntries(replica.routes));

    await Promise.all(
      replicas.flatMap((replica, r) => [1, 2, 3].map((i) => replica.change(`web${r}${i}`, `port=${i}`))),
    );
    const all = Object.fromEntries([0, 1].flatMap((r) => [1, 2, 3].map((i) => [`web${r}${i}`, `port=${i}`])));
    await expect.poll(routes, soon).toEqual([all, all]);
    expect((await running("proxy")).toSorted()).toEqual(tasks.toSorted());

    const updateStates: (string | undefined)[] = [];
    collectUpdateStates(ending.signal, updateStates).catch(() => {}); // the test has ended
    // An update to what cannot run; a route that comes in the middle of it must not become what it is rolled back to.
    await service("update", "-d", "--no-resolve-image", "--args", "false", "proxy");
    await expect.poll(async () => (await client.service("proxy", never))?.UpdateStatus?.State, soon).toBe("updating");
    await replicas[0]?.change("late", "port=9");
    await expect.poll(() => updateStates, { timeout: 60_000 }).toContain("rollback_completed");
    const spec = async () => (await client.service("proxy", never))?.Spec;
    expect(await spec()).toMatchObject({ TaskTemplate: { ContainerSpec: { Args: ["sleep", "600"] } } });
    await expect
      .poll(async () => (await spec())?.Labels, soon)
      .toMatchObject({ team: "edge", "com.df.http.late": "port=9" });
    await expect.poll(routes, soon).toEqual([
      { ...all, late: "port=9" },
      { ...all, late: "port=9" },
    ]);

    // Whoever deploys the stack again brings labels without routes.
    const own = await client.service("proxy", never);
    if (!own) throw new Error("the service proxy is gone");
    await expect.poll(() => running("proxy"), soon).toHaveLength(2);
    const before = await running("proxy");
    await client.updateService(
      own.ID,
      (await client.service("proxy", never))?.Version.Index ?? 0,
      { ...own.Spec, Labels: { team: "core" } },
      never,
    );
    await expect
      .poll(async () => (await spec())?.Labels, soon)
      .toMatchObject({ team: "core", "com.df.http.late": "port=9" });
    expect(await running("proxy")).toEqual(before);
    ending.abort();
    await service("rm", "proxy");
  });

  test("is told to targets by the listener, when its tasks run", async () => {
    using target = await TestTarget.start();
    const settings = {
      ...parseListenerSettings({ DF_INCLUDE_NODE_IP_INFO: "true", DF_NODE_IP_INFO_INCLUDES_TASK_ADDRESS: "false" }),
    };
    const listener = new SwarmListener(
      client,
      { ...settings, serviceEndpoints: [target.endpoint], nodeEndpoints: [] },
      common,
    );
    const ending = new AbortController();
    const ended = listener.run(ending.signal);
    const labels = [
      "--label",
      "com.df.notify=true",
      "--label",
      "com.df.scrapeNetwork=monitor",
      "--update-monitor",
      "1s",
    ];
    await create("web", ...labels, "--replicas", "2");
    expect(await listener.servicesNow(never)).toEqual([]);
    await expect.poll(() => target.names(), soon).toEqual(["web"]);
    expect(target.knows.get("web")).toMatch(
      /^distribute=true&nodeInfo=.*&replicas=2&scrapeNetwork=monitor&serviceName=web$/,
    );
    expect(await listener.servicesNow(never)).toMatchObject([{ serviceName: "web", replicas: "2" }]);
    expect(await listener.nodesNow(never)).toMatchObject([{ role: "manager", state: "ready" }]);
    await service("rm", "web");
    await expect.poll(() => target.names(), soon).toEqual([]);
    ending.abort();
    await ended;
  });
});
