import { expect, test } from "vitest";
import { plan, service, task, template } from "./test-data.ts";

const running = (...slots: number[]) => slots.map((slot) => task({ id: `t${slot}`, slot }));

test("fills the lowest free slots", () => {
  expect(plan(service(4), running(2, 4))).toEqual(["+ slot 1 (replica)", "+ slot 3 (replica)"]);
});

test("a service as it should be needs nothing", () => {
  expect(plan(service(3), running(1, 2, 3))).toEqual([]);
});

test("scaling down takes from the node with most tasks, not the highest slot", () => {
  const tasks = ["n1", "n2", "n1", "n2", "n1"].map((node, i) => task({ id: `t${i + 1}`, slot: i + 1, node }));
  expect(plan(service(4), tasks)).toEqual(["x task t5 (scaled-down)"]);
  expect(plan(service(2), tasks)).toEqual([
    "x task t3 (scaled-down)",
    "x task t4 (scaled-down)",
    "x task t5 (scaled-down)",
  ]);
});

test("scaling down takes what does not run before what does", () => {
  const tasks = [task({ id: "t1", slot: 1, state: "starting" }), ...running(2, 3)];
  expect(plan(service(2), tasks)).toEqual(["x task t1 (scaled-down)"]);
});

test("a task that no node has seen is deleted at once when it is scaled away", () => {
  expect(plan(service(1), [...running(1), task({ id: "t2", slot: 2, state: "pending" })])).toEqual(["x task t2"]);
});

test("a scaled-down task is deleted once it has stopped, with the history of its slot", () => {
  const old = task({ id: "old", slot: 2, state: "failed", desired: "shutdown", madeAgo: 90_000 });
  expect(plan(service(1), [...running(1), old, task({ id: "t2", slot: 2, desired: "remove" })])).toEqual([
    "x task old",
  ]);
  expect(plan(service(1), [...running(1), task({ id: "t2", slot: 2, state: "shutdown", desired: "remove" })])).toEqual([
    "x task t2",
  ]);
});

test("a slot that was scaled away can be filled while its task still stops", () => {
  expect(plan(service(2), [...running(1), task({ id: "t2", slot: 2, desired: "remove" })])).toEqual([
    "+ slot 2 (replica)",
  ]);
});

test("a slot whose task may not be restarted counts as filled, and goes first", () => {
  const spec = template({ RestartPolicy: { Condition: "none" } });
  const done = task({ id: "done", slot: 1, state: "complete", desired: "shutdown", spec });
  const others = [2, 3].map((slot) => task({ id: `t${slot}`, slot, spec }));
  const once = (replicas: number) => service(replicas, { spec: { TaskTemplate: spec } });
  expect(plan(once(3), [done, ...others])).toEqual([]);
  expect(plan(once(2), [done, ...others])).toEqual(["x task done"]);
});

test("zero replicas end everything", () => {
  expect(plan(service(0), running(1, 2))).toEqual(["x task t1 (scaled-down)", "x task t2 (scaled-down)"]);
});

test("a removed service's tasks are ended, and deleted once they have stopped", () => {
  const tasks = [
    task({ id: "runs", slot: 1 }),
    task({ id: "stopping", slot: 2, desired: "remove" }),
    task({ id: "stopped", slot: 3, state: "shutdown", desired: "remove" }),
    task({ id: "history", slot: 1, state: "failed", desired: "shutdown" }),
    task({ id: "waiting", slot: 4, state: "pending" }),
  ];
  expect(plan(undefined, tasks)).toEqual([
    "x task runs (service-removed)",
    "x task history",
    "x task stopped",
    "x task waiting",
  ]);
});
