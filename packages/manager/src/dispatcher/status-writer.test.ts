import { type NodeId, silentLogger, type TaskId, type TaskState } from "@skep/model";
import { MemoryStore } from "@skep/store";
import { FakeClock, settle } from "@skep/testkit";
import { expect, test } from "vitest";
import { StatusWriter } from "./status-writer.ts";
import { someTask } from "./test-objects.ts";

const n1 = "node-1" as NodeId;

/** A store whose writes can be made to fail. */
class FailingStore extends MemoryStore {
  failing = false;
  override update<T>(change: Parameters<MemoryStore["update"]>[0]): Promise<T> {
    return this.failing ? Promise.reject(new Error("disk full")) : (super.update(change) as Promise<T>);
  }
}

async function start(...ids: readonly string[]) {
  const clock = new FakeClock();
  const store = new FailingStore({ clock });
  await store.update((tx) => {
    for (const id of ids) tx.put("task", someTask(id as TaskId, { nodeId: n1 }));
  });
  const writer = new StatusWriter({ store, clock, logger: silentLogger });
  const report = (id: string, state: TaskState, nodeId = n1) =>
    writer.report(nodeId, [
      { taskId: id as TaskId, status: { state, timestamp: "2026-01-01T00:00:01.000Z", message: "" } },
    ]);
  const states = () => ids.map((id) => store.view().get("task", id)?.status.state);
  return { clock, store, writer, report, states };
}

test("reports wait a little for each other and are stored in one transaction", async () => {
  const { clock, store, report, states } = await start("t1", "t2");
  const { revision } = store.view();
  report("t1", "accepted");
  report("t2", "accepted");
  await clock.advanceAsync(4);
  expect(states()).toEqual(["assigned", "assigned"]);
  await clock.advanceAsync(1);
  expect(states()).toEqual(["accepted", "accepted"]);
  expect(store.view().revision).toBe(revision + 1);
});

test("of reports that wait together only the furthest counts, in whatever order they came", async () => {
  const { clock, report, states } = await start("t1");
  report("t1", "running");
  report("t1", "starting");
  await clock.advanceAsync(5);
  expect(states()).toEqual(["running"]);
});

test("another node's report of a task does not hide its own node's", async () => {
  const { clock, report, states } = await start("t1");
  report("t1", "starting");
  report("t1", "failed", "node-2" as NodeId);
  await clock.advanceAsync(5);
  expect(states()).toEqual(["starting"]);
});

test("what the store refuses is kept and tried again, unless something newer came meanwhile", async () => {
  const { clock, store, report, states } = await start("t1", "t2");
  store.failing = true;
  report("t1", "starting");
  report("t2", "starting");
  await clock.advanceAsync(10);
  report("t1", "running");
  await clock.advanceAsync(2000);
  expect(states()).toEqual(["assigned", "assigned"]);
  store.failing = false;
  await clock.advanceAsync(1000);
  expect(states()).toEqual(["running", "starting"]);
  expect(clock.pending).toBe(0);
});

test("closing stores what is queued and leaves no timer", async () => {
  const { clock, writer, report, states } = await start("t1");
  report("t1", "running");
  await writer.close();
  await settle();
  expect(states()).toEqual(["running"]);
  expect(clock.pending).toBe(0);
});
