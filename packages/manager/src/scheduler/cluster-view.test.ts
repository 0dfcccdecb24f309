import type { Node, Task } from "@skep/model";
import type { Reader } from "@skep/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ClusterView } from "./cluster-view.ts";
import { firstChoice, gib, node, nodes, running, task } from "./test-data.ts";

const { nowMs } = firstChoice;

const readerOf = (nodes: readonly Node[], tasks: readonly Task[]) =>
  ({ all: (kind: string) => (kind === "node" ? nodes : kind === "task" ? tasks : []) }) as unknown as Reader;

const viewOf = (nodes: readonly Node[], tasks: readonly Task[] = []) => new ClusterView(readerOf(nodes, tasks), nowMs);

/** All that plans depend on, in a form that can be compared. */
const contents = (view: ClusterView) => ({
  nodes: view.nodes
    .map(({ node, load }) =>
      [
        `${node.id}: ${load.activeTasks} active, ${load.reservedMemoryBytes / gib} GiB`,
        ...["web", "db"].map((service) => `${service} ${load.activeTasksOf(service as Task["serviceId"])}`),
        load.hasPort("tcp/8080") ? "tcp/8080 taken" : "tcp/8080 free",
      ].join(", "),
    )
    .sort(),
  pending: [...view.queue.ready(), ...view.queue.blocked()]
    .flatMap(({ key, tasks }) => [...tasks.keys()].map((id) => `${key} ${id}`))
    .sort(),
});

const aTask = fc
  .record({
    slot: fc.integer({ min: 1, max: 6 }),
    service: fc.constantFrom("web", "db"),
    on: fc.constantFrom("node-1", "node-2", "node-3", undefined),
    state: fc.constantFrom<Task["status"]["state"]>("new", "pending", "assigned", "running", "shutdown", "failed"),
    desired: fc.constantFrom<Task["desiredState"]>("ready", "running", "shutdown", "remove"),
    memory: fc.nat(2),
    port: fc.boolean(),
  })
  .map(({ slot, service, on, state, desired, memory, port }) =>
    task(slot, {
      service,
      state,
      desired,
      ...(on && state !== "new" ? { node: on } : {}),
      spec: { Resources: { Reservations: { MemoryBytes: memory * gib } } },
      ...(port ? { ports: [{ PublishedPort: 8080, PublishMode: "host" }] } : {}),
    }),
  );

test("a view kept up by changes is the one that a listing gives", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ task: aTask, gone: fc.boolean() }), { maxLength: 40 }), (writes) => {
      const view = viewOf(nodes(2));
      const stored = new Map<string, Task>();
      for (const { task, gone } of writes) {
        if (gone) stored.delete(task.id);
        else stored.set(task.id, task);
        view.apply({ kind: "task", id: task.id, ...(gone ? {} : { after: task }) }, nowMs);
      }
      view.apply({ kind: "node", id: "node-3", after: node("node-3") }, nowMs);
      expect(contents(view)).toEqual(contents(viewOf(nodes(3), [...stored.values()])));
    }),
  );
});

const blockedView = () => {
  const view = viewOf(nodes(2), [running(1, "node-1"), task(2)]);
  for (const group of [...view.queue.ready()]) view.queue.block(group);
  return view;
};

test("a task that gives up its room is remembered for the blocked groups", () => {
  const view = blockedView();
  view.setTask(running(1, "node-1").id, running(1, "node-1", { state: "accepted" }), nowMs);
  expect([...view.released]).toEqual([]);
  view.setTask(running(1, "node-1").id, running(1, "node-1", { desired: "shutdown" }), nowMs);
  expect([...view.released]).toEqual(["node-1"]);
});

test("blocked groups become ready when a node changes in what it can take, not at its heartbeat", () => {
  const view = blockedView();
  view.apply({ kind: "node", id: "node-1", after: { ...node("node-1"), version: 9, updatedAt: "later" } }, nowMs);
  expect(view.queue.hasReady).toBe(false);
  view.apply({ kind: "node", id: "node-1", after: node("node-1", { labels: { zone: "a" } }) }, nowMs);
  expect(view.queue.hasReady).toBe(true);
});

test("a new task makes its blocked group ready, a task that is known already does not", () => {
  const view = blockedView();
  view.setTask(task(2).id, task(2, { desired: "ready" }), nowMs);
  expect(view.queue.hasReady).toBe(false);
  view.setTask(task(3).id, task(3), nowMs);
  expect(view.queue.hasReady).toBe(true);
});

test("failures are counted once, also those before the view was made", () => {
  const failed = running(1, "node-1", { state: "failed" });
  const listed = viewOf(nodes(1), [failed]);
  const followed = viewOf(nodes(1), [running(1, "node-1")]);
  followed.setTask(failed.id, failed, nowMs);
  followed.setTask(failed.id, { ...failed, desiredState: "shutdown" }, nowMs);
  for (const view of [listed, followed]) {
    expect(view.nodes[0]?.load.recentFailures(failed, nowMs)).toBe(1);
    expect(view.nodes[0]?.load.recentFailures(failed, nowMs + 6 * 60_000)).toBe(0);
  }
});
