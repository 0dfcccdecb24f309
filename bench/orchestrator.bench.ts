// What the orchestrator costs as the store grows: tasks made per second, and the time from one task's failure to its
// replacement, with many services and with a single large one. Both must stay flat.
import { setTimeout } from "node:timers/promises";
import { Orchestrator } from "@skep/manager";
import { type Node, newId, type Service, silentLogger, systemClock, type Task, timestamp } from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { percentile, report } from "./report.ts";

const bench = "orchestrator";
const made = { version: 0, createdAt: "", updatedAt: "" };
const nodeCount = 100;
const failures = 100;

const aNode = (index: number): Node => ({
  ...made,
  id: `node-${index}` as Node["id"],
  spec: { Role: "worker", Availability: "active" },
  status: { state: "ready", addr: `10.0.0.${index}` },
});

const aService = (replicas: number): Service => ({
  ...made,
  id: newId(),
  specVersion: 1,
  endpoint: {},
  spec: {
    Name: `s-${newId()}`,
    TaskTemplate: { ContainerSpec: { Image: "nginx:1.27" }, RestartPolicy: { Condition: "any", Delay: 0 } },
    Mode: { Replicated: { Replicas: replicas } },
  },
});

/** Resolves once `done` holds; looks only when the store has changed. */
async function until(store: Store, done: () => boolean): Promise<void> {
  const never = new AbortController().signal;
  for (;;) {
    const { revision } = store.view();
    if (done()) return;
    await store.changed(revision, never);
  }
}

/** All tasks run, as if scheduler and agents had done their work; written straight, as it is not what is measured. */
async function runAll(store: Store): Promise<void> {
  const pending = [...store.view().all("task")].filter(({ status }) => status.state === "pending");
  for (let start = 0; start < pending.length; start += 500) {
    await store.update((tx) => {
      for (const [i, task] of pending.slice(start, start + 500).entries()) {
        const at = timestamp(systemClock.now());
        const status = { state: "running", timestamp: at, message: "started", runningAt: at } as const;
        tx.put("task", { ...task, nodeId: `node-${i % nodeCount}` as Node["id"], status });
      }
    });
  }
}

/** Fails one task; resolves with the milliseconds until its replacement is there. */
async function failOne(store: Store, task: Task): Promise<number> {
  const slot = `${task.serviceId}/${task.slot}`;
  const startedAt = performance.now();
  await store.update((tx) => {
    const current = tx.get("task", task.id);
    if (!current) throw new Error("the task is gone");
    tx.put("task", {
      ...current,
      status: { ...current.status, state: "failed", timestamp: timestamp(systemClock.now()) },
    });
  });
  await until(store, () =>
    store
      .view()
      .find("task", "slot", slot)
      .some(({ status }) => status.state === "pending"),
  );
  return performance.now() - startedAt;
}

async function measure(name: string, services: number, replicas: number): Promise<void> {
  const store = new MemoryStore({ clock: systemClock, freeze: false });
  const total = services * replicas;
  await store.update((tx) => {
    for (let i = 0; i < nodeCount; i++) tx.put("node", aNode(i));
  });
  const stopping = new AbortController();
  const running = new Orchestrator({ store, clock: systemClock, logger: silentLogger }).run(stopping.signal);
  const startedAt = performance.now();
  const creating = Array.from({ length: services }, () => aService(replicas));
  for (const service of creating) await store.update((tx) => tx.put("service", service));
  await until(store, () => store.view().count("task") === total);
  const createMs = performance.now() - startedAt;
  await runAll(store);
  const tasks = [...store.view().all("task")].filter(({ status }) => status.state === "running");
  const picked = Array.from({ length: failures }, (_, i) => tasks[Math.floor((i * tasks.length) / failures)]);
  const times: number[] = [];
  for (const task of picked) {
    await setTimeout(20);
    if (task) times.push(await failOne(store, task));
  }
  const burstMs = await failMany(store, tasks.slice(-Math.min(total / 2, 5_000)));
  stopping.abort();
  await running;
  report({ bench, metric: `${name}: created`, value: (total / createMs) * 1_000, unit: "tasks/s" });
  report({
    bench,
    metric: `${name}: failure to replacement, median`,
    value: percentile(times, 50),
    unit: "ms",
    target: "flat",
  });
  report({ bench, metric: `${name}: replaced in a burst`, value: burstMs, unit: "ms/1000 tasks", target: "flat" });
}

/** Fails many tasks at once; resolves with the milliseconds per thousand until all are replaced. */
async function failMany(store: Store, tasks: readonly Task[]): Promise<number> {
  const before = store.view().count("task");
  const startedAt = performance.now();
  const ids = tasks.filter(({ id }) => store.view().get("task", id)?.status.state === "running").map(({ id }) => id);
  for (let start = 0; start < ids.length; start += 200) {
    await store.update((tx) => {
      for (const id of ids.slice(start, start + 200)) {
        const task = tx.get("task", id);
        if (task)
          tx.put("task", {
            ...task,
            status: { ...task.status, state: "failed", timestamp: timestamp(systemClock.now()) },
          });
      }
    });
  }
  await until(store, () => store.view().count("task") === before + ids.length);
  return ((performance.now() - startedAt) / ids.length) * 1_000;
}

for (const services of [10, 100, 1_000]) await measure(`${services} services of 100`, services, 100);
for (const replicas of [1_000, 10_000, 50_000]) await measure(`1 service of ${replicas}`, 1, replicas);
