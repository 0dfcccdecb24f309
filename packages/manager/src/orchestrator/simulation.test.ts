import type { RestartPolicy, ServiceSpec, UpdateConfig } from "@skep/model";
import { expect, test } from "vitest";
import { FakeSwarm } from "./fake-swarm.ts";
import { globalService, second, service, template } from "./test-data.ts";

const withImage = (Image: string, policy?: RestartPolicy) =>
  template({ ContainerSpec: { Image }, ...(policy && { RestartPolicy: policy }) });

const image = (name: string) => (spec: ServiceSpec) => ({
  ...spec,
  TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { Image: name } },
});

const scaled = (replicas: number) => (spec: ServiceSpec) => ({ ...spec, Mode: { Replicated: { Replicas: replicas } } });

async function runningSwarm(replicas: number, spec: Partial<ServiceSpec> = {}): Promise<FakeSwarm> {
  const swarm = await FakeSwarm.create();
  await swarm.create(service(replicas, { spec }));
  await swarm.runUntil(() => swarm.runningCount === replicas);
  return swarm;
}

const updateState = (swarm: FakeSwarm) => swarm.service?.updateStatus?.state;

test("creates, scales and removes a service", async () => {
  const swarm = await runningSwarm(2);
  await swarm.update(scaled(5));
  await swarm.runUntil(() => swarm.runningCount === 5);
  await swarm.update(scaled(3));
  await swarm.runUntil(() => swarm.tasks().length === 3);
  expect(swarm.ps().map((line) => line.split(" ").at(-1))).toEqual(Array(3).fill("running/running"));
  expect(new Set(swarm.tasks().map(({ nodeId }) => nodeId)).size).toBe(3);
  expect(swarm.service?.updateStatus).toBeUndefined();
  await swarm.removeService();
  await swarm.runUntil(() => swarm.tasks().length === 0);
  await swarm.stop();
  expect(swarm.clock.pending).toBe(0);
});

test("restarts a failing task as often as the policy says, each time after the delay", async () => {
  const swarm = await FakeSwarm.create(["n1"]);
  const policy = { Delay: 2 * second, MaxAttempts: 3 };
  await swarm.create(service(1, { spec: { TaskTemplate: withImage("exits-1-after-500", policy) } }));
  await swarm.run(30_000);
  expect(swarm.ps()).toEqual([
    "web.1 exits-1-after-500 n1 shutdown/failed",
    "\\_ web.1 exits-1-after-500 n1 shutdown/failed",
    "\\_ web.1 exits-1-after-500 n1 shutdown/failed",
    "\\_ web.1 exits-1-after-500 n1 shutdown/failed",
  ]);
  const ranAt = swarm
    .tasks()
    .map(({ status }) => Date.parse(status.runningAt ?? ""))
    .sort((a, b) => a - b);
  const gaps = ranAt.slice(1).map((at, i) => at - (ranAt[i] ?? 0));
  for (const gap of gaps) {
    expect(gap).toBeGreaterThanOrEqual(2_700); // 0.5 s running, 2 s delay, 0.2 s starting
    expect(gap).toBeLessThan(3_000);
  }
  await swarm.stop();
});

test("tries a missing image twice and then once per delay, and keeps five of the attempts", async () => {
  const swarm = await FakeSwarm.create(["n1"]);
  await swarm.create(service(1, { spec: { TaskTemplate: withImage("missing") } }));
  await swarm.run(4_000);
  expect(swarm.ps()).toEqual(["web.1 missing n1 ready/rejected", "\\_ web.1 missing n1 shutdown/rejected"]);
  await swarm.run(5_000);
  expect(swarm.tasks()).toHaveLength(3);
  await swarm.run(60_000);
  expect(swarm.tasks()).toHaveLength(5);
  await swarm.stop();
});

test("an update with stop-first takes so many slots at a time, and leaves the old tasks as history", async () => {
  const swarm = await runningSwarm(4, { UpdateConfig: { Parallelism: 2, Delay: second, Monitor: 3 * second } });
  let least = 4;
  swarm.onTick(() => {
    least = Math.min(least, swarm.runningCount);
  });
  await swarm.update(image("ok-2"));
  const tookMs = await swarm.runUntil(() => updateState(swarm) === "completed");
  expect(least).toBe(2);
  expect(tookMs).toBeGreaterThan(2 * 500 + 2 * 1_000 + 3_000);
  expect(tookMs).toBeLessThan(8_000);
  expect(swarm.ps().filter((line) => line.startsWith("web"))).toHaveLength(4);
  expect(swarm.ps().filter((line) => line.includes("ok-2") && line.endsWith("running/running"))).toHaveLength(4);
  expect(swarm.ps().filter((line) => line.startsWith("\\_") && line.endsWith("shutdown/shutdown"))).toHaveLength(4);
  await swarm.stop();
});

test("an update with start-first never has fewer running than asked for, nor more than the parallelism above", async () => {
  const config: UpdateConfig = { Parallelism: 2, Order: "start-first" };
  const swarm = await runningSwarm(5, { TaskTemplate: withImage("ok-stubborn"), UpdateConfig: config });
  const counts: number[] = [];
  swarm.onTick(() => counts.push(swarm.tasks().filter((task) => task.desiredState === "running").length));
  const running: number[] = [];
  swarm.onTick(() => running.push(swarm.runningCount));
  await swarm.update(image("ok-2"));
  await swarm.runUntil(() => updateState(swarm) === "completed");
  expect(Math.min(...running)).toBe(5);
  expect(Math.max(...counts)).toBe(7);
  await swarm.stop();
});

test("an update to an image that cannot start is paused, rolled back, or goes on as it is told", async () => {
  const bad = (FailureAction: "pause" | "rollback" | "continue", name = "missing") =>
    outcomeOf({ Parallelism: 1, FailureAction, Monitor: second }, name);
  expect(await bad("pause")).toEqual({ state: "paused", running: 2, image: "missing" });
  expect(await bad("rollback")).toEqual({ state: "rollback_completed", running: 3, image: "alpine" });
  expect(await bad("continue")).toEqual({ state: "completed", running: 0, image: "missing" });
  expect(await bad("pause", "never-starts")).toEqual({ state: "paused", running: 2, image: "never-starts" });
  expect(await bad("rollback", "exits-1-after-500")).toMatchObject({ state: "rollback_completed", running: 3 });
});

async function outcomeOf(config: UpdateConfig, name: string) {
  const swarm = await runningSwarm(3, { UpdateConfig: config, RollbackConfig: { Parallelism: 0, Monitor: second } });
  await swarm.update(image(name));
  await swarm.runUntil(() => /completed|paused/.test(updateState(swarm) ?? ""));
  await swarm.run(1_000);
  await swarm.stop();
  const { spec } = swarm.service ?? {};
  return { state: updateState(swarm), running: swarm.runningCount, image: spec?.TaskTemplate.ContainerSpec?.Image };
}

test("a new update takes over from one that is under way or paused", async () => {
  const swarm = await runningSwarm(3, { UpdateConfig: { Parallelism: 1, Monitor: second } });
  await swarm.update(image("missing"));
  await swarm.runUntil(() => updateState(swarm) === "paused");
  await swarm.update(image("ok-3"));
  await swarm.run(600);
  await swarm.update(image("ok-4"));
  await swarm.runUntil(() => updateState(swarm) === "completed");
  expect(
    swarm.tasks().filter(({ spec, status }) => spec.ContainerSpec?.Image === "ok-4" && status.state === "running"),
  ).toHaveLength(3);
  expect(swarm.runningCount).toBe(3);
  await swarm.stop();
});

test("moves tasks off a node that is down at once, and stops them there when it is back", async () => {
  const swarm = await runningSwarm(3);
  await swarm.setNode("n3", { state: "down" });
  const tookMs = await swarm.runUntil(() => swarm.runningCount === 4);
  expect(tookMs).toBeLessThan(1_000); // Docker waits for its restart delay of five seconds first
  expect(swarm.ps().filter((line) => line.includes(" n3 "))).toEqual([expect.stringMatching(/ n3 shutdown\/running$/)]);
  await swarm.setNode("n3", {});
  await swarm.runUntil(() => swarm.runningCount === 3);
  await swarm.run(1_000);
  expect(swarm.ps().filter((line) => line.includes(" n3 "))).toEqual([
    expect.stringMatching(/ n3 shutdown\/shutdown$/),
  ]);
  await swarm.stop();
});

test("a drain stops each task before the one that follows it starts, with start-first after", async () => {
  const leastOf = async (config: UpdateConfig) => {
    const swarm = await runningSwarm(3, { UpdateConfig: config });
    let least = 3;
    swarm.onTick(() => {
      least = Math.min(least, swarm.runningCount);
    });
    await swarm.setNode("n3", { availability: "drain" });
    await swarm.runUntil(() => swarm.ps().filter((line) => / n[12] running\/running$/.test(line)).length === 3);
    await swarm.runUntil(() => swarm.runningCount === 3);
    await swarm.stop();
    return least;
  };
  expect(await leastOf({ Parallelism: 1 })).toBe(2);
  expect(await leastOf({ Parallelism: 1, Order: "start-first" })).toBe(3);
});

test("a global service follows the nodes, and its tasks outlive a node's silence", async () => {
  const swarm = await FakeSwarm.create();
  await swarm.create(globalService());
  await swarm.runUntil(() => swarm.runningCount === 3);
  const before = swarm.tasks().map(({ id }) => id);
  await swarm.setNode("n3", { state: "down" });
  await swarm.run(5_000);
  await swarm.setNode("n3", {});
  await swarm.run(5_000);
  expect(swarm.tasks().map(({ id }) => id)).toEqual(before);
  await swarm.setNode("n4", {});
  await swarm.setNode("n1", { availability: "drain" });
  await swarm.run(2_000);
  expect(swarm.ps()).toEqual([
    "web.n1 alpine n1 shutdown/shutdown",
    "web.n2 alpine n2 running/running",
    "web.n3 alpine n3 running/running",
    "web.n4 alpine n4 running/running",
  ]);
  await swarm.removeNode("n1");
  await swarm.run(1_000);
  expect(swarm.tasks()).toHaveLength(3);
  await swarm.stop();
});

test("an idle orchestrator has nothing to do but its full pass", async () => {
  const swarm = await runningSwarm(3);
  await swarm.run(2_000);
  const { revision } = swarm.store.view();
  await swarm.run(10_000);
  expect(swarm.store.view().revision).toBe(revision);
  expect(swarm.clock.pending).toBe(1);
  await swarm.stop();
});
