import { type Clock, type Kind, type Node, type Objects, pause, silentLogger, type Task } from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { FakeClock, settle } from "@skep/testkit";
import { expect, onTestFinished, test } from "vitest";
import { Scheduler } from "./scheduler.ts";
import { gib, node, nodes, running, task, tasks } from "./test-data.ts";

const port8080 = [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }] as const;
const reserving = (gibs: number) => ({ spec: { Resources: { Reservations: { MemoryBytes: gibs * gib } } } });

/** A store that a scheduler works on; `run` lets it do what it has to. */
class Cluster {
  readonly clock = new FakeClock();
  readonly store: Store = new MemoryStore({ clock: this.clock });

  /** With `meanwhile` the scheduler hears of changes late; it happens right before the scheduler's first write. */
  static async start(
    present: readonly Node[],
    tasks: readonly Task[] = [],
    meanwhile?: (cluster: Cluster) => Promise<void>,
  ): Promise<Cluster> {
    const cluster = new Cluster();
    await cluster.put("node", ...present);
    await cluster.put("task", ...tasks);
    const stop = new AbortController();
    const store = meanwhile ? tardy(cluster.store, cluster.clock, () => meanwhile(cluster)) : cluster.store;
    const options = { store, clock: cluster.clock, logger: silentLogger, pickIndex: () => 0 };
    const running = new Scheduler(options).run(stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await running;
      expect(cluster.clock.pending).toBe(0);
    });
    await cluster.settle();
    return cluster;
  }

  /** Writes in one transaction, in place of what has the same ids. */
  async put<K extends Kind>(kind: K, ...objects: readonly Objects[K][]): Promise<void> {
    await this.store.update((tx) => {
      for (const object of objects) tx.put(kind, { ...object, version: tx.get(kind, object.id)?.version ?? 0 });
    });
  }

  async remove(kind: Kind, id: string): Promise<void> {
    await this.store.update((tx) => tx.delete(kind, id));
  }

  /** Lets `ms` pass; the scheduler needs less than 5 after the last event. */
  async settle(ms = 5): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await settle();
    await this.clock.advanceAsync(ms);
    for (let turn = 0; turn < 20; turn++) await settle();
  }

  task(id: string): Task | undefined {
    return this.store.view().get("task", id);
  }

  /** `web.1 assigned node-1`, or `web.1 pending (why)`. */
  get lines(): string[] {
    return [...this.store.view().all("task")]
      .sort((a, b) => a.slot - b.slot)
      .map(({ id, nodeId, status }) =>
        [id, status.state, nodeId, status.err && `(${status.err})`].filter(Boolean).join(" "),
      );
  }
}

test("tasks that are pending at the start, and those that come, get a node within milliseconds", async () => {
  const cluster = await Cluster.start(nodes(2), [task(1), task(2, { state: "new" })]);
  expect(cluster.lines).toEqual(["web.1 assigned node-1", "web.2 new"]);
  await cluster.put("task", task(2));
  await cluster.settle();
  expect(cluster.lines).toEqual(["web.1 assigned node-1", "web.2 assigned node-2"]);
  expect(cluster.task("web.2")?.status).toEqual({
    state: "assigned",
    message: "scheduler assigned task to node",
    timestamp: expect.stringMatching(/^2026-01-01T00:00:00/),
  });
});

test("tasks that are meant to end are not scheduled", async () => {
  const cluster = await Cluster.start(nodes(1), [task(1, { desired: "shutdown" }), task(2, { desired: "ready" })]);
  expect(cluster.lines).toEqual(["web.1 pending", "web.2 assigned node-1"]);
});

test("a task without a node says why, and keeps the time since when it waits", async () => {
  const cluster = await Cluster.start(nodes(1, { availability: "drain" }), [task(1)]);
  expect(cluster.task("web.1")?.status).toEqual({
    ...task(1).status,
    err: "no suitable node (1 node not available for new tasks): node-1 is drained",
  });
});

test("a reason is written again only when it has changed", async () => {
  const cluster = await Cluster.start(nodes(2, { availability: "drain" }), tasks(3));
  const { revision } = cluster.store.view();
  await cluster.put("node", { ...node("node-1", { availability: "drain" }), updatedAt: "later" });
  await cluster.settle(120_000);
  expect(cluster.store.view().revision).toBe(revision + 1);
  await cluster.put("node", node("node-1", { availability: "drain", state: "down" }));
  await cluster.settle();
  expect(new Set(cluster.lines.map((line) => line.slice(6)))).toEqual(
    new Set(["pending (no suitable node (2 nodes not available for new tasks): node-1 is down, node-2 is drained)"]),
  );
});

test("a reason is gone once the task has a node", async () => {
  const cluster = await Cluster.start([], [task(1)]);
  expect(cluster.lines).toEqual(["web.1 pending (no suitable node)"]);
  await cluster.put("node", node("node-1"));
  await cluster.settle();
  expect(cluster.lines).toEqual(["web.1 assigned node-1"]);
});

test("room that a task gives up goes to one that waits for it", async () => {
  const cluster = await Cluster.start(nodes(2), [
    running(1, "node-2", reserving(8)),
    task(2, reserving(6)),
    task(3, reserving(6)),
  ]);
  expect(cluster.lines[2]).toContain("web.3 pending (no suitable node (insufficient resources on 2 nodes)");
  await cluster.put("task", running(1, "node-2", { ...reserving(8), desired: "shutdown" }));
  await cluster.settle();
  expect(cluster.lines[2]).toContain("pending");
  await cluster.put("task", running(1, "node-2", { ...reserving(8), state: "shutdown" }));
  await cluster.settle();
  expect(cluster.lines).toEqual(["web.1 shutdown node-2", "web.2 assigned node-1", "web.3 assigned node-2"]);
});

test("room that a deleted task gives up goes to one that waits for it", async () => {
  const cluster = await Cluster.start(nodes(1), [
    running(1, "node-1", { ports: port8080 }),
    task(2, { ports: port8080 }),
  ]);
  expect(cluster.lines[1]).toContain("host-mode port already in use on 1 node");
  await cluster.remove("task", "web.1");
  await cluster.settle();
  expect(cluster.lines).toEqual(["web.2 assigned node-1"]);
});

test("a task bound to a node is confirmed there, or told what is missing there", async () => {
  const cluster = await Cluster.start(nodes(2), [
    running(1, "node-1", { ports: port8080 }),
    task(2, { node: "node-2", ports: port8080 }),
    task(3, { node: "node-1", ports: port8080 }),
  ]);
  expect(cluster.lines).toEqual([
    "web.1 running node-1",
    "web.2 assigned node-2",
    "web.3 pending node-1 (no suitable node (host-mode port already in use on 1 node): each task needs tcp/8080 of its node)",
  ]);
  expect(cluster.task("web.2")?.status.message).toBe("scheduler confirmed task can run on preassigned node");
});

test("bound tasks are served before others take their room", async () => {
  const cluster = await Cluster.start(nodes(1), [
    task(1, reserving(6)),
    task(2, { ...reserving(6), service: "db", node: "node-1" }),
  ]);
  expect(cluster.lines[0]).toContain("web.1 pending");
  expect(cluster.lines[1]).toBe("db.2 assigned node-1");
});

test("decisions for several services in one go do not over-commit a node", async () => {
  const services = ["a", "b", "c", "d"].map((service, index) => task(index + 1, { service, ...reserving(3) }));
  const cluster = await Cluster.start(nodes(1), services);
  expect(cluster.lines.filter((line) => line.includes("assigned"))).toHaveLength(2);
});

test("a thousand tasks and more are placed evenly, in several transactions", async () => {
  const cluster = await Cluster.start(nodes(7), tasks(2_500));
  await cluster.settle();
  const counts = nodes(7).map(({ id }) => cluster.store.view().find("task", "node", id).length);
  expect(counts.reduce((sum, count) => sum + count)).toBe(2_500);
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
});

test.each([
  ["its node was drained meanwhile", "node", node("node-1", { availability: "drain" }), "web.1 assigned node-2"],
  ["it was stopped meanwhile", "task", task(1, { desired: "shutdown" }), "web.1 pending"],
] as const)("a task is not put where it no longer belongs: %s", async (_, kind, object, line) => {
  const cluster = await Cluster.start(nodes(2), [task(1)], (cluster) => cluster.put(kind, object as Task & Node));
  await cluster.settle(20);
  expect(cluster.lines).toEqual([line]);
});

test("what was written before an assignment, and is heard of after it, does not give its room away again", async () => {
  const cluster = await Cluster.start(nodes(1), [task(1, { ...reserving(6), desired: "ready" })], (cluster) =>
    cluster.put("task", task(1, reserving(6)), task(2, { ...reserving(6), node: "node-1" })),
  );
  await cluster.settle(20);
  expect(cluster.lines[0]).toBe("web.1 assigned node-1");
  expect(cluster.lines[1]).toContain("web.2 pending node-1 (no suitable node (insufficient resources on 1 node)");
});

test("after a failed write the scheduler lists anew and goes on", async () => {
  const cluster = await Cluster.start([node("node-1")], [task(1)], () => Promise.reject(new Error("disk full")));
  expect(cluster.lines).toEqual(["web.1 pending"]);
  await cluster.settle(1_000);
  await cluster.settle();
  expect(cluster.lines).toEqual(["web.1 assigned node-1"]);
});

/** `store` as one hears of it late who has `meanwhile` happen before his first write. */
function tardy(store: Store, clock: Clock, meanwhile: () => Promise<void>): Store {
  let happened = false;
  return {
    view: () => store.view(),
    changed: (revision, signal) => store.changed(revision, signal),
    lead: (signal) => store.lead(signal),
    close: () => store.close(),
    async update(change) {
      if (!happened) {
        happened = true;
        await meanwhile();
      }
      return store.update(change);
    },
    async *watch(revision, signal) {
      for await (const set of store.watch(revision, signal)) {
        await pause(clock, 4, signal);
        yield set;
      }
    },
  };
}
