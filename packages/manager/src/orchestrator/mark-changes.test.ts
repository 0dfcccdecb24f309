import type { Node, ServiceId, Task, TaskState } from "@skep/model";
import { type AnyChange, MemoryStore } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { Agenda } from "./agenda.ts";
import { markChanges } from "./mark-changes.ts";
import { globalService, type NodeOptions, node, now, service, task } from "./test-data.ts";

const clock = { now: () => now };

/** What a change marks in a cluster of service web, global service `agents`, and two tasks of web on n1. */
async function marked(...changes: AnyChange[]) {
  const store = new MemoryStore({ clock });
  await store.update((tx) => {
    tx.put("service", { ...service(2), version: 0 });
    tx.put("service", { ...globalService(), id: "agents" as ServiceId, version: 0 });
    for (const slot of [1, 2]) tx.put("task", { ...task({ slot }), version: 0 });
  });
  const agenda = new Agenda(new FakeClock(now));
  markChanges({ revision: 1, changes }, store.view(), agenda);
  return agenda.take().map(({ serviceId, slots }) => `${serviceId}: ${slots === "all" ? slots : [...slots].join()}`);
}

const from = task({ slot: 2, state: "starting" });
const taskChange = (before: Task | undefined, after: Task | undefined): AnyChange => ({
  kind: "task",
  id: from.id,
  ...(before && { before }),
  ...(after && { after }),
});
const nodeChange = (before: NodeOptions, after: NodeOptions | Node): AnyChange => ({
  kind: "node",
  id: "n1",
  before: node("n1", before),
  after: "id" in after ? after : node("n1", after),
});

test("a task's way to running concerns nobody, its arrival and its end concern its slot", async () => {
  const to = (state: TaskState) =>
    marked(
      taskChange(
        { ...from, status: { ...from.status, state: "assigned" } },
        { ...from, status: { ...from.status, state } },
      ),
    );
  expect(await to("starting")).toEqual([]);
  expect(await to("running")).toEqual(["web: 2"]);
  expect(await to("failed")).toEqual(["web: 2"]);
  expect(await marked(taskChange(from, { ...from, desiredState: "shutdown" }))).toEqual(["web: 2"]);
});

test("a task that is deleted concerns its slot, or the whole service if it was to run", async () => {
  expect(await marked(taskChange({ ...from, desiredState: "shutdown" }, undefined))).toEqual(["web: 2"]);
  expect(await marked(taskChange(from, undefined))).toEqual(["web: all"]);
});

test("a node's change concerns the slots with tasks on it, and global services there", async () => {
  expect(await marked(nodeChange({}, { state: "down" }))).toEqual(["web: 1,2", "agents: n1"]);
  expect(await marked(nodeChange({}, { availability: "drain" }))).toEqual(["web: 1,2", "agents: n1"]);
  expect(await marked(nodeChange({}, { labels: { disk: "ssd" } }))).toEqual(["web: 1,2", "agents: n1"]);
  expect(await marked(nodeChange({}, { ...node("n1"), version: 7 }))).toEqual([]);
});

test("a change of the cluster concerns every service, as its history limit may be another", async () => {
  expect(await marked({ kind: "cluster", id: "c" })).toEqual(["web: all", "agents: all"]);
  expect(await marked({ kind: "service", id: "web" })).toEqual(["web: all"]);
  expect(await marked({ kind: "secret", id: "s" })).toEqual([]);
});
