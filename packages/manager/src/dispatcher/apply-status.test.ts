import { type NodeId, type Task, type TaskId, type TaskState, type TaskStatus, taskStates } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { applyStatus } from "./apply-status.ts";
import { someTask } from "./test-objects.ts";

const node = "node-1" as NodeId;
const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z`;
const status = (state: TaskState, rest: Partial<TaskStatus> = {}): TaskStatus => ({
  state,
  timestamp: at(1),
  message: state,
  ...rest,
});
const taskIn = (state: TaskState, rest: Partial<TaskStatus> = {}): Task =>
  someTask("t1" as TaskId, { nodeId: node, status: status(state, rest) });

test("a report that goes on is taken with its own time", () => {
  const reported = status("starting", { timestamp: at(7), container: { id: "c1" } });
  expect(applyStatus(taskIn("accepted"), node, reported)?.status).toEqual(reported);
});

test("a report that goes back, or says nothing new, changes nothing", () => {
  expect(applyStatus(taskIn("running", { runningAt: at(1) }), node, status("starting"))).toBeUndefined();
  expect(applyStatus(taskIn("running", { runningAt: at(1) }), node, status("running"))).toBeUndefined();
});

test("in the same state the rest of the report may change", () => {
  const reported = status("running", { message: "healthy", runningAt: at(1) });
  expect(applyStatus(taskIn("running"), node, reported)?.status.message).toBe("healthy");
});

test("a node cannot speak of the tasks of another, nor of one that is gone or not assigned", () => {
  expect(applyStatus(taskIn("assigned"), "node-2" as NodeId, status("running"))).toBeUndefined();
  expect(applyStatus(undefined, node, status("running"))).toBeUndefined();
  expect(applyStatus(taskIn("pending"), node, status("running"))).toBeUndefined();
});

test.each(["new", "pending", "assigned", "remove", "orphaned"] as const)("%s is not the node's to say", (state) => {
  expect(applyStatus(taskIn("assigned"), node, status(state))).toBeUndefined();
});

test("when a task was first seen running is kept when it ends", () => {
  const running = applyStatus(taskIn("starting"), node, status("running", { timestamp: at(5) }));
  expect(running?.status.runningAt).toBe(at(5));
  const ended = applyStatus(running, node, status("failed", { timestamp: at(9), runningAt: at(8) }));
  expect(ended?.status).toMatchObject({ state: "failed", timestamp: at(9), runningAt: at(5) });
});

test("whatever is reported, in whatever order, a task never goes back", () => {
  const order = (state: TaskState) => taskStates.indexOf(state);
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...taskStates)), (reports) => {
      let task = taskIn("assigned");
      for (const state of reports) {
        const next = applyStatus(task, node, status(state)) ?? task;
        expect(order(next.status.state)).toBeGreaterThanOrEqual(order(task.status.state));
        task = next;
      }
    }),
  );
});
