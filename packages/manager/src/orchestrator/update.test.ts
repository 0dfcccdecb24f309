import type { Service, TaskId, UpdateConfig, UpdateStatus } from "@skep/model";
import { expect, test } from "vitest";
import { describePlan, wakeAtOf } from "./plan.ts";
import {
  ago,
  node,
  now,
  plan,
  planOf,
  type ServiceOptions,
  second,
  service,
  type TaskOptions,
  task,
  template,
} from "./test-data.ts";

const newer = template({ ContainerSpec: { Image: "alpine:2" } });
const updating: UpdateStatus = { state: "updating", startedAt: ago(60_000), message: "update in progress" };
const stopFirst = { Parallelism: 1 };

/** Version 2 of a service whose tasks were made from version 1. */
const updated = (replicas: number, config: UpdateConfig = stopFirst, more: ServiceOptions = {}): Service =>
  service(replicas, {
    specVersion: 2,
    previousSpec: service(replicas).spec,
    ...more,
    spec: { TaskTemplate: newer, UpdateConfig: config, ...more.spec },
  });
const underway = (replicas: number, config: UpdateConfig = stopFirst, more: ServiceOptions = {}): Service =>
  updated(replicas, config, { updateStatus: updating, ...more });

const old = (slot: number, more: TaskOptions = {}) => task({ id: `old${slot}`, slot, ...more });
const fresh = (slot: number, more: TaskOptions = {}) =>
  task({ id: `new${slot}`, slot, spec: newer, specVersion: 2, cause: "update", madeAgo: 20_000, ...more });
const ran = (slot: number, ranAgo: number) => fresh(slot, { ranAgo });
const failed = (slot: number, more: TaskOptions = {}) => fresh(slot, { state: "failed", ranAgo: 1_000, ...more });
const stopped = (slot: number) => old(slot, { desired: "shutdown", state: "shutdown" });

test("stop-first prepares the replacement and stops the old task in one go", () => {
  expect(plan(updated(2), [old(1), old(2)])).toEqual([
    "= updating: update in progress",
    "+ slot 1 (update, ready)",
    "- task old1 (outdated)",
  ]);
});

test("start-first stops the old task when the new one runs", () => {
  const config = { Parallelism: 1, Order: "start-first" } as const;
  expect(plan(updated(1, config), [old(1)])).toEqual(["= updating: update in progress", "+ slot 1 (update)"]);
  expect(plan(underway(1, config), [fresh(1, { state: "starting" }), old(1)])).toEqual([]);
  expect(plan(underway(1, config), [ran(1, 0), old(1)])).toEqual(["- task old1 (outdated)"]);
});

test("as many slots as the parallelism are worked on at once, with 0 all", () => {
  const tasks = [old(1), old(2), old(3)];
  const slots = (of: Service) => plan(of, tasks).filter((line) => line.startsWith("+"));
  expect(slots(updated(3, { Parallelism: 2 }))).toHaveLength(2);
  expect(slots(updated(3, { Parallelism: 0 }))).toHaveLength(3);
});

test("slots that do not run are updated first", () => {
  expect(plan(updated(2), [old(1), old(2, { state: "pending" })])).toContain("+ slot 2 (update)");
});

test("a worker takes the next slot when its new task runs, after the delay", () => {
  const config = { Parallelism: 1, Delay: 10 * second };
  const tasks = (ranAgo: number) => [ran(1, ranAgo), stopped(1), old(2)];
  expect(plan(underway(2, config), [fresh(1, { state: "starting" }), stopped(1), old(2)])).toEqual([]);
  expect(plan(underway(2, config), tasks(9_999))).toEqual([]);
  expect(wakeAtOf(planOf(underway(2, config), tasks(9_999)))).toBe(now + 1);
  expect(plan(underway(2, config), tasks(10_000))).toEqual(["+ slot 2 (update, ready)", "- task old2 (outdated)"]);
});

test("the update is completed when the last slot has been watched for the monitoring period", () => {
  const tasks = (ranAgo: number) => [ran(1, 15_000), ran(2, ranAgo)];
  expect(plan(underway(2), tasks(4_999))).toEqual([]);
  expect(wakeAtOf(planOf(underway(2), tasks(4_999)))).toBe(now + 1);
  expect(plan(underway(2), tasks(5_000))).toEqual(["= completed: update completed"]);
  const status = planOf(underway(2), tasks(5_000)).service?.service.updateStatus;
  expect(status).toEqual({ ...updating, state: "completed", completedAt: ago(0), message: "update completed" });
});

test("a delay as long as the monitoring period makes that a second longer than the delay", () => {
  const config = { Parallelism: 1, Delay: 6 * second, Monitor: 5 * second };
  expect(wakeAtOf(planOf(underway(1, config), [ran(1, 0)]))).toBe(now + 6_000 + 7_000);
});

test("an update that nothing is left of is completed at once", () => {
  expect(plan(underway(1), [task({ spec: newer })])).toEqual(["= completed: update completed"]);
});

test("scaling, labels and update settings start no update", () => {
  const of = service(2, { specVersion: 7, spec: { Labels: { a: "b" }, UpdateConfig: { Parallelism: 3 } } });
  expect(plan(of, [old(1)])).toEqual(["+ slot 2 (replica)"]);
});

test("raising ForceUpdate, or changing ports, replaces tasks", () => {
  const forced = service(1, { specVersion: 2, spec: { TaskTemplate: template({ ForceUpdate: 1 }) } });
  expect(plan(forced, [old(1)])).toContain("- task old1 (outdated)");
  const ports = service(1, { specVersion: 2, spec: { EndpointSpec: { Ports: [{ TargetPort: 80 }] } } });
  expect(plan(ports, [old(1)])).toContain("- task old1 (outdated)");
});

test("new constraints replace only tasks on nodes that do not satisfy them", () => {
  const spec = template({ Placement: { Constraints: ["node.labels.disk==ssd"] } });
  const of = service(2, { specVersion: 2, spec: { TaskTemplate: spec } });
  const nodes = [node("n1", { labels: { disk: "ssd" } })];
  expect(plan(of, [old(1), old(2, { node: "n2" })], { nodes })).toEqual([
    "= updating: update in progress",
    "+ slot 2 (update, ready)",
    "- task old2 (outdated)",
  ]);
});

test("a task of the update that fails within the monitoring period pauses it", () => {
  expect(plan(underway(2), [failed(1), stopped(1), old(2)])).toEqual([
    "= paused: update paused due to failure or early termination of task new1",
    "+ slot 1 (restart, ready)",
    "- task new1 (ended)",
  ]);
  expect(plan(underway(2), [fresh(1, { state: "rejected" }), stopped(1), old(2)])[0]).toMatch("= paused: ");
  expect(plan(underway(2), [failed(1, { state: "complete" }), old(2)])[0]).toMatch("= paused: ");
});

test("a failure after the monitoring period, or of another's making, does not count", () => {
  const late = fresh(1, { state: "failed", ranAgo: 5_001 });
  expect(plan(underway(2), [late, old(2)]).join()).not.toMatch("paused");
  const restarted = fresh(1, { cause: "restart", state: "failed", ranAgo: 1_000 });
  expect(plan(underway(2), [restarted, old(2)]).join()).not.toMatch("paused");
  const shutDown = fresh(1, { desired: "shutdown", state: "shutdown", ranAgo: 1_000 });
  expect(plan(underway(2), [ran(1, 0), shutDown, old(2)]).join()).not.toMatch("paused");
});

test("a paused update touches no further slot, but what it made is restarted", () => {
  const of = updated(2, stopFirst, { updateStatus: { ...updating, state: "paused" } });
  expect(plan(of, [ran(1, 60_000), old(2)])).toEqual([]);
  expect(plan(of, [failed(1), old(2)])).toEqual(["+ slot 1 (restart, ready)", "- task new1 (ended)"]);
});

test("failures up to the ratio are put up with", () => {
  const config = { Parallelism: 1, MaxFailureRatio: 0.5 };
  const one = [failed(1, { desired: "shutdown" }), old(2), old(3), old(4)];
  expect(plan(underway(4, config), [task({ slot: 1, spec: newer, specVersion: 2, cause: "restart" }), ...one])).toEqual(
    ["+ slot 2 (update, ready)", "- task old2 (outdated)"],
  );
  const three = [1, 2, 3].map((slot) => failed(slot, { stateAgo: 10 - slot, ranAgo: 100 }));
  expect(plan(underway(4, config), [...three, old(4)])[0]).toMatch("termination of task new3");
});

test("continue goes on whatever happens", () => {
  const config = { Parallelism: 1, FailureAction: "continue" } as const;
  expect(plan(underway(2, config), [failed(1), old(2)])).toEqual([
    "+ slot 1 (restart, ready)",
    "- task new1 (ended)",
    "+ slot 2 (update, ready)",
    "- task old2 (outdated)",
  ]);
});

test("rollback goes back to the previous spec with the rollback's settings, and forgets it", () => {
  const config = { Parallelism: 1, FailureAction: "rollback" } as const;
  const of = underway(3, config, {
    previousSpec: { ...service(3).spec, RollbackConfig: { Parallelism: 0 } },
    registryAuth: "new",
    previousRegistryAuth: "old",
  });
  const planned = planOf(of, [failed(1), stopped(1), ran(2, 100), old(3)]);
  expect(describePlan(planned)).toEqual([
    "= rollback_started: update rolled back due to failure or early termination of task new1, back to the previous spec",
    "+ slot 1 (update)",
    "- task new1 (ended)",
    "+ slot 2 (update, ready)",
    "- task new2 (outdated)",
  ]);
  const { previousSpec: _, previousRegistryAuth: __, ...kept } = of;
  expect(planned.service?.service).toEqual({
    ...kept,
    spec: of.previousSpec,
    specVersion: 3,
    registryAuth: "old",
    updateStatus: {
      state: "rollback_started",
      startedAt: updating.startedAt,
      message: `update rolled back due to failure or early termination of task ${"new1" as TaskId}`,
    },
  });
});

test("without a previous spec there is no way back, and the update is paused", () => {
  const { previousSpec: _, ...of } = underway(2, { Parallelism: 1, FailureAction: "rollback" });
  expect(plan(of, [failed(1), old(2)])[0]).toMatch("= paused: update paused due to");
});

test("a rollback that fails is paused, one that succeeds is completed", () => {
  const rollingBack: UpdateStatus = {
    state: "rollback_started",
    startedAt: ago(60_000),
    message: "manually requested rollback",
  };
  const of = updated(2, stopFirst, {
    updateStatus: rollingBack,
    spec: { RollbackConfig: { Parallelism: 1, FailureAction: "rollback" } },
  });
  expect(plan(of, [failed(1), old(2)])[0]).toBe(
    "= rollback_paused: rollback paused due to failure or early termination of task new1",
  );
  expect(plan(of, [ran(1, 9_000), ran(2, 9_000)])).toEqual(["= rollback_completed: rollback completed"]);
  const paused = { ...of, updateStatus: { ...rollingBack, state: "rollback_paused" as const } };
  expect(plan(paused, [ran(1, 9_000), old(2)])).toEqual([]);
});

test("with start-first a rollback keeps the old task that still runs", () => {
  const config = { Parallelism: 1, Order: "start-first", FailureAction: "rollback" } as const;
  const back = { previousSpec: { ...service(1).spec, RollbackConfig: config } };
  expect(plan(underway(1, config, back), [fresh(1, { state: "rejected" }), old(1)]).slice(1)).toEqual([
    "- task new1 (ended)",
  ]);
});

test("an old task that ends before its turn is followed by one of the new spec", () => {
  expect(plan(underway(2), [fresh(1, { state: "starting" }), stopped(1), old(2, { state: "failed" })])).toEqual([
    "+ slot 2 (restart, ready)",
    "- task old2 (ended)",
  ]);
});

test("a task that only waits to be restarted is updated without its delay", () => {
  const waiting = old(1, { state: "ready", desired: "ready", cause: "restart", madeAgo: 1_000 });
  expect(plan(updated(1), [waiting]).slice(1)).toEqual(["+ slot 1 (update, ready)", "- task old1 (outdated)"]);
});

test("a slot that is finished is run again by an update that changes its task", () => {
  const spec = template({ RestartPolicy: { Condition: "none" } });
  expect(plan(updated(1), [old(1, { spec, state: "complete", desired: "shutdown" })]).slice(1)).toEqual([
    "+ slot 1 (update)",
  ]);
});

test("what an update has made is kept while it lasts, even without history", () => {
  const config = { Parallelism: 1, MaxFailureRatio: 1 };
  const tasks = [
    fresh(1, { cause: "restart", id: "again", madeAgo: 500 }),
    failed(1, { desired: "shutdown", madeAgo: 25_000 }),
  ];
  expect(plan(underway(1, config), tasks, { historyLimit: 0 })).toEqual([]);
  const done = updated(1, config, { updateStatus: { ...updating, state: "completed" } });
  expect(plan(done, tasks, { historyLimit: 0 })).toEqual(["x task new1"]);
});

test("a slot in which the new spec has been tried is not tried again when the update is over", () => {
  const spec = { ...newer, RestartPolicy: { Condition: "none" as const } };
  const config = { Parallelism: 1, Order: "start-first", FailureAction: "continue" } as const;
  const of = updated(1, config, { spec: { TaskTemplate: spec }, updateStatus: { ...updating, state: "completed" } });
  const tried = fresh(1, { spec, state: "rejected", desired: "shutdown" });
  expect(plan(of, [tried, old(1)])).toEqual([]);
});

test("with start-first what runs on a drained node goes on until its update runs", () => {
  const config = { Parallelism: 1, Order: "start-first" } as const;
  const nodes = [node("n1", { availability: "drain" })];
  expect(plan(updated(1, config), [old(1)], { nodes }).slice(1)).toEqual(["+ slot 1 (update)"]);
});

test("with start-first what does not run is replaced at once", () => {
  const config = { Parallelism: 1, Order: "start-first" } as const;
  const nodes = [node("n1", { state: "down" })];
  const replaced = ["+ slot 1 (update)", "- task old1 (outdated)"];
  expect(plan(updated(1, config), [old(1)], { nodes }).slice(1)).toEqual(replaced);
  expect(plan(updated(1, config), [old(1, { state: "pending" })]).slice(1)).toEqual(replaced);
});

test("failures of an earlier update to the same version do not count", () => {
  const again = underway(2, stopFirst, { updateStatus: { ...updating, startedAt: ago(1_000) } });
  const tasks = [failed(1, { desired: "shutdown" }), task({ slot: 1, spec: newer, specVersion: 2, cause: "restart" })];
  expect(plan(again, [...tasks, old(2)])).toEqual(["+ slot 2 (update, ready)", "- task old2 (outdated)"]);
});

test("a rollback runs a finished slot again, once", () => {
  const spec = { ...newer, RestartPolicy: { Condition: "none" as const } };
  const status: UpdateStatus = {
    state: "rollback_started",
    startedAt: ago(60_000),
    message: "manually requested rollback",
  };
  const of = updated(1, stopFirst, { spec: { TaskTemplate: spec }, updateStatus: status });
  const done = old(1, { spec, state: "complete", desired: "shutdown" });
  expect(plan(of, [done])).toContain("+ slot 1 (replica)");
  const again = fresh(1, { spec, cause: "replica", state: "complete", desired: "shutdown" });
  expect(plan(of, [again, done])).not.toContain("+ slot 1 (replica)");
});
