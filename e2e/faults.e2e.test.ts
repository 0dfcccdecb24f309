import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, Operator, polite, quick, type TaskContainer, type TaskView } from "./operator.ts";

describe.skipIf(clusterProblem())(`faults on three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage();
    await cluster.formSwarm();
    swarm = new Operator(cluster);
  });

  afterEach(() => swarm.clear());

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** What must not change of a container that was left alone. */
  const identities = (containers: readonly TaskContainer[]) =>
    containers.map(({ node, id, startedAt }) => `${node} ${id} ${startedAt}`).toSorted();

  const idsOf = (tasks: readonly TaskView[]) => tasks.map(({ ID }) => ID).toSorted();

  /** Every container, running or ended, is one of a task that the manager remembers. */
  const untilNoOrphan = () =>
    eventually(async () => {
      const known = idsOf(await swarm.tasks());
      expect((await swarm.containers()).filter(({ taskId }) => !known.includes(taskId))).toEqual([]);
    });

  const untilReady = () =>
    eventually(async () => expect((await swarm.docker("node", "ls")).match(/Ready/g)).toHaveLength(3));

  test("kill -9 of any skepd restarts, doubles and loses no container", async () => {
    await swarm.start("steady", 6, [], polite);
    const before = identities(await swarm.running("steady"));
    for (const node of ["node-1", "node-2", "node-3", "node-1"]) {
      await cluster.killSkepd(node);
      await sleep(300 + 1000 * Math.random());
      await cluster.startSkepd(node);
      await untilReady();
    }
    await sleep(2000);
    expect(identities(await swarm.running("steady"))).toEqual(before);
    expect((await swarm.wanted("steady")).map(({ Status }) => Status.State)).toEqual(Array(6).fill("running"));
    expect(await swarm.tasks("steady")).toHaveLength(6);
  });

  test("kill -9 at random instants while services change ends with exactly the tasks asked for", async () => {
    await swarm.start("steady", 3, [], polite);
    const untouched = identities(await swarm.running("steady"));
    await swarm.start("changing", 3, ["--update-parallelism", "0"], polite);
    for (const [round, node] of ["node-1", "node-2", "node-1", "node-3", "node-1"].entries()) {
      const replicas = round % 2 === 0 ? 9 : 4;
      const change = ["--replicas", `${replicas}`, "--env-add", `R=${round}`];
      await swarm.docker("service", "update", "-d", "--no-resolve-image", ...change, "changing");
      for (const patienceMs of [600, 1500]) {
        await sleep(patienceMs * Math.random());
        await cluster.killSkepd(node);
        await cluster.startSkepd(node);
      }
      await untilReady();
      await eventually(async () => {
        const wanted = await swarm.wanted("changing");
        expect(wanted.map(({ Status }) => Status.State)).toEqual(Array(replicas).fill("running"));
        expect(wanted.every(({ Spec }) => Spec.ContainerSpec.Env?.includes(`R=${round}`))).toBe(true);
        expect((await swarm.running("changing")).map(({ taskId }) => taskId).toSorted()).toEqual(idsOf(wanted));
      }, 60_000);
      await untilNoOrphan();
    }
    expect(identities(await swarm.running("steady"))).toEqual(untouched);
  });

  test("kill -9 while services come and go leaves nothing of those that went", async () => {
    const create = (name: string) =>
      swarm.docker("service", "create", ...quick, "--replicas", "6", "--name", name, ...polite);
    for (const [round, node] of ["node-2", "node-1", "node-3"].entries()) {
      const id = (await create(`brief-${round}`)).trim();
      await sleep(1200 * Math.random());
      await swarm.docker("service", "rm", id);
      await sleep(300 * Math.random());
      await cluster.killSkepd(node);
      await create(`next-${round}`).catch(() => undefined); // on a manager that is gone
      await cluster.startSkepd(node);
      await untilReady();
    }
    await eventually(async () => {
      const services = (await swarm.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")).trim().split("\n");
      expect(services.toSorted()).toEqual(["next-0 6/6", "next-2 6/6"]);
      expect((await swarm.containers()).filter(({ service }) => service.startsWith("brief"))).toEqual([]);
    }, 60_000);
    await untilNoOrphan();
  });

  test("kill -9 of a dockerd: its tasks end with it when it is back, and run again", async () => {
    await swarm.start("phoenix", 3, ["--restart-delay", "200ms"], polite);
    const before = await swarm.running("phoenix");
    await cluster.killEngine("node-3");
    await swarm.docker("service", "scale", "-d", "phoenix=6");
    await sleep(1000);
    expect(identities(await swarm.running("phoenix"))).toEqual(
      expect.arrayContaining(identities(before.filter(({ node }) => node !== "node-3"))),
    );
    await cluster.start("node-3");
    await swarm.untilRunning("phoenix", 6, 60_000);
    const running = await swarm.running("phoenix");
    expect(running.map(({ taskId }) => taskId).toSorted()).toEqual(idsOf(await swarm.wanted("phoenix")));
    expect(identities(running)).toEqual(
      expect.arrayContaining(identities(before.filter(({ node }) => node !== "node-3"))),
    );
    await untilNoOrphan();
  });

  test("a worker keeps its tasks while the manager is away, and tells of their end later", async () => {
    await swarm.start("lonely", 3, ["--restart-condition", "none"], polite);
    const [victim] = (await swarm.running("lonely")).filter(({ node }) => node === "node-2");
    await cluster.killSkepd("node-1");
    await cluster.engine("node-2", "kill", victim?.id ?? "");
    await sleep(4000);
    expect(await swarm.running("lonely")).toHaveLength(2);
    await cluster.startSkepd("node-1");
    await untilReady();
    await eventually(async () => {
      const ended = (await swarm.tasks("lonely")).find(({ ID }) => ID === victim?.taskId);
      expect(ended?.Status).toMatchObject({ State: "failed", Err: "task: non-zero exit (137)" });
    });
    expect(await swarm.running("lonely")).toHaveLength(2);
  });

  test("the engine's end is the end of its containers, and they are replaced when it is back", async () => {
    await swarm.start("phoenix", 3, ["--restart-delay", "200ms"], polite);
    await cluster.kill("node-3");
    await eventually(async () => expect(await swarm.docker("node", "ls")).toMatch(/node-3 +Down/));
    await swarm.untilRunning("phoenix", 3);
    expect(await swarm.places("phoenix")).not.toContain("node-3");
    await cluster.start("node-3");
    await untilReady();
    await eventually(async () => expect(await swarm.running("phoenix")).toHaveLength(3));
    expect(await swarm.places("phoenix")).not.toContain("node-3");
  });

  test("a second skepd on the same data root is refused, and says so", async () => {
    const flags = ["--data-root", cluster.machine("node-2").paths.dataRoot, "-H", "unix:///tmp/second.sock"];
    const main = new URL("../packages/daemon/src/main.ts", import.meta.url).pathname;
    const result = await cluster.exec("node-2", process.execPath, main, ...flags);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("is in use by another skepd");
  });
});
