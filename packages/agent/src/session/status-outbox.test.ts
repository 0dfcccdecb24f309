import type { NodeId, TaskId, TaskState, TaskStatus } from "@skep/model";
import { expect, test } from "vitest";
import { StatusOutbox } from "./status-outbox.ts";
import { assignedTask } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const status = (state: TaskState, rest: Partial<TaskStatus> = {}): TaskStatus => ({
  state,
  timestamp: "2026-01-01T00:00:01.000Z",
  message: "",
  ...rest,
});
const update = (id: string, state: TaskState) => ({ taskId: id as TaskId, status: status(state) });
const known = (id: string, state: TaskState, rest: Partial<TaskStatus> = {}) => ({
  task: assignedTask(id, n1, { status: status(state, rest) }),
});
const taken = (outbox: StatusOutbox, limit = 100) =>
  outbox.take(limit).map(({ taskId, status }) => `${taskId} ${status.state}`);

test("each task's last status is taken once", () => {
  const outbox = new StatusOutbox();
  outbox.report([update("t1", "accepted"), update("t2", "accepted")]);
  outbox.report([update("t1", "running")]);
  expect(taken(outbox, 1)).toEqual(["t1 running"]);
  expect(taken(outbox)).toEqual(["t2 accepted"]);
  expect(taken(outbox)).toEqual([]);
});

test("what the manager turns out not to know is taken again", () => {
  const outbox = new StatusOutbox();
  outbox.report([update("behind", "running"), update("same", "running"), update("ahead", "running")]);
  outbox.take(10);
  outbox.compare([
    known("behind", "starting"),
    known("same", "running", { runningAt: "2026-01-01T00:00:01.000Z" }),
    known("ahead", "orphaned"),
  ]);
  expect(taken(outbox)).toEqual(["behind running"]);
});

test("the same state with other contents is news", () => {
  const outbox = new StatusOutbox();
  outbox.report([{ taskId: "t1" as TaskId, status: status("running", { message: "healthy" }) }]);
  outbox.take(10);
  outbox.compare([known("t1", "running")]);
  expect(taken(outbox)).toEqual(["t1 running"]);
});

test("tasks that the manager no longer has are forgotten", () => {
  const outbox = new StatusOutbox();
  outbox.report([update("gone", "running"), update("removed", "running")]);
  outbox.forget("removed" as TaskId);
  outbox.compare([]);
  outbox.compare([known("gone", "assigned"), known("removed", "assigned")]);
  expect(taken(outbox)).toEqual([]);
});
