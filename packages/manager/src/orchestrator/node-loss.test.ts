import { expect, test } from "vitest";
import { node, plan, service, task, template } from "./test-data.ts";

const n1 = (options: Parameters<typeof node>[1]) => ({ nodes: [node("n1", options)] });
const down = n1({ state: "down" });
const drained = n1({ availability: "drain" });
const startFirst = { spec: { UpdateConfig: { Parallelism: 1, Order: "start-first" } } } as const;

test("a task on a node that is down is replaced at once, without the restart delay", () => {
  expect(plan(service(1), [task({ id: "t1" })], down)).toEqual(["+ slot 1 (replica)", "- task t1 (node-lost)"]);
});

test("a task on a node that has been removed is replaced at once", () => {
  expect(plan(service(1), [task({ id: "t1", node: "gone" })])).toEqual(["+ slot 1 (replica)", "- task t1 (node-lost)"]);
});

test("a task that was orphaned with its node is replaced at once too", () => {
  expect(plan(service(1), [task({ id: "t1", node: "gone", state: "orphaned" })])).toEqual([
    "+ slot 1 (replica)",
    "- task t1 (node-lost)",
  ]);
});

test("a node that is only unknown or disconnected loses nothing", () => {
  expect(plan(service(1), [task()], n1({ state: "unknown" }))).toEqual([]);
  expect(plan(service(1), [task()], n1({ state: "disconnected" }))).toEqual([]);
});

test("a paused node keeps its tasks", () => {
  expect(plan(service(1), [task()], n1({ availability: "pause" }))).toEqual([]);
});

test("a drained node's task is followed by one that starts when it has stopped", () => {
  expect(plan(service(1), [task({ id: "t1" })], drained)).toEqual([
    "+ slot 1 (replica, ready)",
    "- task t1 (node-drained)",
  ]);
  const next = task({ id: "t2", node: "n2", state: "ready", desired: "ready", madeAgo: 1_000 });
  expect(plan(service(1), [next, task({ desired: "shutdown" })], drained)).toEqual([]);
  expect(plan(service(1), [next, task({ desired: "shutdown", state: "shutdown" })], drained)).toEqual(["> task t2"]);
});

test("with start-first a drained node's task stops when the one that follows it runs", () => {
  const of = service(1, startFirst);
  const old = task({ id: "t1" });
  expect(plan(of, [old], drained)).toEqual(["+ slot 1 (replica)"]);
  const next = (state: "starting" | "running") => task({ id: "t2", node: "n2", state, madeAgo: 1_000 });
  expect(plan(of, [next("starting"), old], drained)).toEqual([]);
  expect(plan(of, [next("running"), old], drained)).toEqual(["- task t1 (node-drained)"]);
});

test("with start-first what does not run yet is moved off a drained node at once", () => {
  expect(plan(service(1, startFirst), [task({ id: "t1", state: "preparing" })], drained)).toEqual([
    "+ slot 1 (replica, ready)",
    "- task t1 (node-drained)",
  ]);
});

test("a task that may not be restarted is not moved either", () => {
  const spec = template({ RestartPolicy: { Condition: "none" } });
  const of = service(1, { spec: { TaskTemplate: spec } });
  expect(plan(of, [task({ id: "t1", spec })], drained)).toEqual(["- task t1 (node-drained)"]);
  expect(plan(of, [task({ id: "t1", spec })], down)).toEqual(["- task t1 (node-lost)"]);
});

test("moving is no restart attempt", () => {
  const spec = template({ RestartPolicy: { MaxAttempts: 1 } });
  const of = service(1, { spec: { TaskTemplate: spec } });
  expect(plan(of, [task({ id: "t1", spec, cause: "restart" })], down)).toEqual([
    "+ slot 1 (replica)",
    "- task t1 (node-lost)",
  ]);
});

test("a replaced task is stopped, not moved back, when its node returns", () => {
  const tasks = [task({ id: "new", node: "n2", madeAgo: 1_000 }), task({ id: "old", desired: "shutdown" })];
  expect(plan(service(1), tasks)).toEqual([]);
});

test("a task that its node refuses because constraints no longer hold is replaced", () => {
  expect(plan(service(1), [task({ id: "t1", state: "rejected" })])).toContain("+ slot 1 (restart, ready)");
});

test("a scaled-down task on a node that is down stays until the node is back", () => {
  expect(plan(service(0), [task({ desired: "remove" })], down)).toEqual([]);
  expect(plan(service(0), [task({ id: "t1", desired: "remove", node: "gone" })])).toEqual(["x task t1"]);
});

test("beside a task that works on until another one does, an outdated one of its slot does not stay", () => {
  const newest = template({ ForceUpdate: 1 });
  const of = service(1, { specVersion: 2, spec: { ...startFirst.spec, TaskTemplate: newest } });
  const works = task({ id: "t2", specVersion: 2, spec: newest, madeAgo: 1_000 });
  const waits = task({ id: "t1", state: "pending", desired: "ready" });
  expect(plan(of, [works, waits], drained)).toEqual(["+ slot 1 (replica)", "- task t1 (outdated)"]);
});
