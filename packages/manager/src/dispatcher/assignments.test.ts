import type { NodeId, TaskId, TaskState } from "@skep/model";
import { expect, test } from "vitest";
import { assignmentChange } from "./assignments.ts";
import { someTask } from "./test-objects.ts";

const task = (state: TaskState, rest = {}) =>
  someTask("t1" as TaskId, {
    nodeId: "node-1" as NodeId,
    status: { state, timestamp: "2026-01-01T00:00:00Z", message: "" },
    ...rest,
  });
const change = (before: ReturnType<typeof task> | undefined, after: ReturnType<typeof task> | undefined) => {
  const found = assignmentChange({
    kind: "task",
    id: "t1",
    ...(before && { before }),
    ...(after && { after }),
  });
  return found && `${found.do} ${found.task.id} on ${found.nodeId}`;
};

test("a node gets a task when it is assigned, not before", () => {
  expect(change(undefined, task("new"))).toBeUndefined();
  expect(change(task("new"), task("pending"))).toBeUndefined();
  expect(change(task("pending"), task("assigned"))).toBe("put t1 on node-1");
  expect(change(undefined, task("assigned"))).toBe("put t1 on node-1");
});

test("what the node reported itself is not sent back to it", () => {
  expect(change(task("assigned"), task("running", { version: 7, updatedAt: "2026-01-02T00:00:00Z" }))).toBeUndefined();
});

test("a new desired state is sent, also of an ended task", () => {
  expect(change(task("running"), task("running", { desiredState: "shutdown" }))).toBe("put t1 on node-1");
  expect(change(task("failed"), task("failed", { desiredState: "remove" }))).toBe("put t1 on node-1");
});

test("a deleted task may be forgotten, unless its node never had it", () => {
  expect(change(task("complete"), undefined)).toBe("remove t1 on node-1");
  expect(change(task("pending"), undefined)).toBeUndefined();
});
