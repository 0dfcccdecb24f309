import type { ServiceSpec, Task } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeSwarm } from "./fake-swarm.ts";
import { describePlan } from "./plan.ts";
import { planService } from "./plan-service.ts";
import { isLive } from "./slot.ts";
import { second, service, template, view } from "./test-data.ts";

type Action =
  | { readonly do: "scale"; readonly replicas: number }
  | { readonly do: "update"; readonly image: string }
  | { readonly do: "node"; readonly id: string; readonly state: "ready" | "down" | "drain" | "pause" }
  | { readonly do: "remove-node"; readonly id: string }
  | { readonly do: "kill" };

const node = fc.constantFrom("n1", "n2", "n3");
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constant("scale" as const), replicas: fc.nat(5) }),
  fc.record({
    do: fc.constant("update" as const),
    image: fc.constantFrom("ok-1", "ok-2-stubborn", "missing", "never-starts", "exits-1-after-700"),
  }),
  fc.record({
    do: fc.constant("node" as const),
    id: node,
    state: fc.constantFrom("ready" as const, "down" as const, "drain" as const, "pause" as const),
  }),
  fc.record({ do: fc.constant("remove-node" as const), id: node }),
  fc.record({ do: fc.constant("kill" as const) }),
);
const script = fc.array(fc.record({ action, thenMs: fc.constantFrom(0, 50, 300, 1_500, 6_000) }), { maxLength: 8 });

const config = fc.record({
  Parallelism: fc.nat(2),
  Delay: fc.constantFrom(0, second / 2),
  Monitor: fc.constant(second),
  Order: fc.constantFrom("stop-first" as const, "start-first" as const),
  FailureAction: fc.constantFrom("pause" as const, "continue" as const, "rollback" as const),
});
type Config = typeof config extends fc.Arbitrary<infer T> ? T : never;

const scaledTo = (replicas: number) => (spec: ServiceSpec) => ({
  ...spec,
  Mode: { Replicated: { Replicas: replicas } },
});
const withImage = (image: string) => (spec: ServiceSpec) => ({
  ...spec,
  TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { Image: image } },
});

async function perform(swarm: FakeSwarm, step: Action): Promise<void> {
  switch (step.do) {
    case "scale":
      return swarm.update(scaledTo(step.replicas));
    case "update":
      return swarm.update(withImage(step.image));
    case "node":
      return swarm.setNode(step.id, {
        state: step.state === "down" ? "down" : "ready",
        availability: step.state === "drain" || step.state === "pause" ? step.state : "active",
      });
    case "remove-node":
      return swarm.removeNode(step.id);
    case "kill":
      await swarm.killOrchestrator();
      return swarm.startOrchestrator();
  }
}

async function swarmWith(policy: Config): Promise<FakeSwarm> {
  const swarm = await FakeSwarm.create();
  const TaskTemplate = template({ ContainerSpec: { Image: "ok-0" }, RestartPolicy: { Delay: second } });
  await swarm.create(service(3, { spec: { TaskTemplate, UpdateConfig: policy, RollbackConfig: policy } }));
  return swarm;
}

/** All nodes are back, and the image works: the service must come to what it asks for, with nothing left behind. */
async function heal(swarm: FakeSwarm): Promise<void> {
  for (const id of ["n1", "n2", "n3"]) await swarm.setNode(id, {});
  await swarm.update(withImage("ok-last"));
  await swarm.runUntil(() => isHealed(swarm), 300_000);
}

function isHealed(swarm: FakeSwarm): boolean {
  const live = swarm.tasks().filter(isLive);
  const replicas = swarm.service?.spec.Mode?.Replicated?.Replicas;
  const gone = swarm.tasks().every((task) => isLive(task) || task.status.state !== "running");
  const settled = ["completed", undefined].includes(swarm.service?.updateStatus?.state);
  return (
    settled && gone && live.length === replicas && live.every(runsLast) && new Set(live.map(slot)).size === replicas
  );
}

const runsLast = ({ status, spec }: Task) => status.state === "running" && spec.ContainerSpec?.Image === "ok-last";
const slot = ({ slot: number }: Task) => number;

/** Between ticks the orchestrator has done all there was to do, and has not overdone it. */
function check(swarm: FakeSwarm, policy: Config): void {
  const reader = swarm.store.view();
  const nodes = [...reader.all("node")];
  const present = { ...view(swarm.service, swarm.tasks()), node: (id: string) => nodes.find((each) => each.id === id) };
  expect(describePlan(planService(present, swarm.clock.now()))).toEqual([]);
  const live = Map.groupBy(swarm.tasks().filter(isLive), slot);
  expect(live.size).toBeLessThanOrEqual(swarm.service?.spec.Mode?.Replicated?.Replicas ?? 0);
  const doubled = [...live.values()].filter((tasks) => tasks.length > 1);
  expect(Math.max(0, ...doubled.map((tasks) => tasks.length))).toBeLessThanOrEqual(2);
  if (policy.Order === "stop-first") expect(doubled).toEqual([]);
}

test("after any faults the service comes to what it asks for, and never runs more than that on the way", async () => {
  await fc.assert(
    fc.asyncProperty(config, script, async (policy, steps) => {
      const swarm = await swarmWith(policy);
      swarm.beforeTick(() => check(swarm, policy));
      for (const { action: step, thenMs } of steps) {
        await perform(swarm, step);
        await swarm.run(thenMs);
      }
      await heal(swarm);
      await swarm.stop();
    }),
    { numRuns: 40 },
  );
}, 30_000);

test("an orchestrator that is killed again and again brings about the same as one that is not", async () => {
  const image = fc.constantFrom("ok-1", "ok-2-stubborn", "missing", "exits-1-after-700");
  const pauses = fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 5, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(config, image, pauses, async (policy, next, lives) => {
      expect(await outcome(policy, next, lives)).toEqual(await outcome(policy, next, []));
    }),
    { numRuns: 25 },
  );
}, 30_000);

/** What an update to `image` comes to when the orchestrator lives for so many milliseconds each time. */
async function outcome(policy: Config, image: string, lives: readonly number[]) {
  const swarm = await swarmWith(policy);
  await swarm.runUntil(() => swarm.runningCount === 3);
  await swarm.update(withImage(image));
  for (const ms of lives) {
    await swarm.run(ms);
    await swarm.killOrchestrator();
    swarm.startOrchestrator();
  }
  await swarm.runUntil(() => /completed|paused/.test(swarm.service?.updateStatus?.state ?? ""));
  await swarm.run(15_000);
  await swarm.stop();
  const { spec, updateStatus } = swarm.service ?? {};
  return {
    state: updateStatus?.state,
    image: spec?.TaskTemplate.ContainerSpec?.Image,
    tasks: swarm.tasks().filter(isLive).map(imageOf).sort(),
  };
}

const imageOf = ({ spec }: Task) => spec.ContainerSpec?.Image;
