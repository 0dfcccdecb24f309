import { expect, test } from "vitest";
import { noncompliantTasks } from "./noncompliant-tasks.ts";
import { gib, node, running, type TaskWishes, task } from "./test-data.ts";

const constrained = (...Constraints: string[]): TaskWishes => ({ spec: { Placement: { Constraints } } });
const reserving = (gibs: number): TaskWishes => ({
  spec: { Resources: { Reservations: { MemoryBytes: gibs * gib } } },
});

const found = (on: ReturnType<typeof node>, tasks: Parameters<typeof noncompliantTasks>[1]) =>
  noncompliantTasks(on, tasks, (task) => task.spec.Placement).map(({ id }) => id);

test("tasks whose constraints no longer hold are found", () => {
  const tasks = [
    running(1, "node-1", constrained("node.labels.zone == a")),
    running(2, "node-1", constrained("node.labels.zone == b")),
    running(3, "node-1"),
    running(4, "node-1", { ...constrained("node.labels.zone == a"), state: "assigned" }),
  ];
  expect(found(node("node-1", { labels: { zone: "b" } }), tasks)).toEqual(["web.1", "web.4"]);
});

test("tasks that end already are left alone, and so are those that wait for the scheduler", () => {
  const wish = constrained("node.labels.zone == a");
  const tasks = [
    running(1, "node-1", { ...wish, desired: "shutdown" }),
    running(2, "node-1", { ...wish, state: "failed" }),
    task(3, { ...wish, node: "node-1" }),
  ];
  expect(found(node("node-1"), tasks)).toEqual([]);
});

test("when a node shrinks, older tasks stay as far as they fit", () => {
  const old = { ...running(9, "node-1", reserving(2)), createdAt: "2025-01-01T00:00:00.000Z" };
  const tasks = [running(1, "node-1", reserving(3)), running(2, "node-1", reserving(2)), running(3, "node-1"), old];
  expect(found(node("node-1", { memoryBytes: 4 * gib }), tasks)).toEqual(["web.1"]);
  expect(found(node("node-1", { memoryBytes: 3 * gib }), tasks)).toEqual(["web.1", "web.2"]);
});

test("paused and drained nodes, and nodes that have not told their resources, are left alone", () => {
  const tasks = [running(1, "node-1", constrained("node.labels.zone == a"))];
  expect(found(node("node-1", { availability: "pause" }), tasks)).toEqual([]);
  expect(found(node("node-1", { availability: "drain" }), tasks)).toEqual([]);
  const { description: _, ...silent } = node("node-1");
  expect(found(silent, [running(1, "node-1", reserving(3))])).toEqual([]);
});
