// Placements per second of the scheduler through a store in memory, and whether the time per placement stays flat.
import { ConstraintEnforcer, Scheduler } from "@skep/manager";
import { type Node, newId, type ServiceId, silentLogger, systemClock, type Task } from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { percentile, report } from "./report.ts";

const tasksPerService = 10;
const tasksPerTransaction = 200;
const bench = "scheduler";

const made = { version: 0, createdAt: "", updatedAt: "" };

const aNode = (index: number): Node => ({
  ...made,
  id: newId(),
  spec: { Role: "worker", Availability: "active", Labels: { zone: `z${index % 3}` } },
  status: { state: "ready", addr: `10.0.${index >> 8}.${index & 255}` },
  description: {
    Hostname: `node-${index}`,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 64e9, MemoryBytes: nodeMemory },
    Engine: { EngineVersion: "20.10.24", Plugins: [{ Type: "Log", Name: "json-file" }] },
  },
});

const nodeMemory = 2 ** 40;

const aTask = (serviceId: ServiceId, slot: number, memoryBytes = 2 ** 20): Task => ({
  ...made,
  id: newId(),
  serviceId,
  serviceName: serviceId,
  serviceLabels: {},
  slot,
  spec: {
    ContainerSpec: { Image: "nginx:1.27" },
    Resources: { Reservations: { NanoCPUs: 1e6, MemoryBytes: memoryBytes } },
    Placement: { Constraints: ["node.role == worker"] },
  },
  specVersion: 1,
  cause: "replica",
  desiredState: "running",
  status: { state: "pending", timestamp: "2026-01-01T00:00:00.000Z", message: "pending task scheduling" },
});

async function putAll(store: Store, kind: "node" | "task", objects: readonly (Node | Task)[]): Promise<void> {
  for (let start = 0; start < objects.length; start += tasksPerTransaction) {
    const chunk = objects.slice(start, start + tasksPerTransaction);
    await store.update((tx) => {
      for (const object of chunk) tx.put(kind, object as Node & Task);
    });
  }
}

function tasksOfServices(count: number, perService = tasksPerService): Task[] {
  let serviceId: ServiceId = newId();
  return Array.from({ length: count }, (_, index) => {
    if (index % perService === 0) serviceId = newId();
    return aTask(serviceId, (index % perService) + 1);
  });
}

/** Wall-clock time is what users feel; CPU time can be compared between runs on a machine that does other things too. */
interface Taken {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** The time from the change that made `tasks` pending (or the scheduler's start) until all have a node. */
async function timeToPlace(store: Store, count: number, begin: () => unknown): Promise<Taken> {
  const found = new AbortController();
  let placed = 0;
  const watching = (async () => {
    for await (const { changes } of store.watch(store.view().revision, found.signal)) {
      for (const { kind, after } of changes) {
        if (kind === "task" && (after as Task | undefined)?.status.state === "assigned") placed++;
      }
      if (placed >= count) return;
    }
  })();
  const start = performance.now();
  const cpuBefore = process.cpuUsage();
  await begin();
  await watching;
  const { user, system } = process.cpuUsage(cpuBefore);
  found.abort();
  return { wallMs: performance.now() - start, cpuMs: (user + system) / 1e3 };
}

async function withScheduler<T>(store: Store, body: (run: () => void) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const loops: Promise<void>[] = [];
  const options = { store, clock: systemClock, logger: silentLogger };
  try {
    return await body(() => {
      loops.push(new Scheduler(options).run(stop.signal), new ConstraintEnforcer(options).run(stop.signal));
    });
  } finally {
    stop.abort();
    await Promise.all(loops);
  }
}

/** All tasks are pending when the scheduler starts, as after a change of leader. */
async function placeBacklog(nodeCount: number, taskCount: number, perService = tasksPerService): Promise<Taken> {
  const store = new MemoryStore({ clock: systemClock, freeze: false });
  await putAll(
    store,
    "node",
    Array.from({ length: nodeCount }, (_, index) => aNode(index)),
  );
  await putAll(store, "task", tasksOfServices(taskCount, perService));
  return withScheduler(store, (run) => timeToPlace(store, taskCount, run));
}

/** `batch` tasks more, again and again, on a cluster that has `present` of them: the median CPU time of a batch (ms). */
async function placeMore(nodeCount: number, present: number, batch: number): Promise<number> {
  const store = new MemoryStore({ clock: systemClock, freeze: false });
  await putAll(
    store,
    "node",
    Array.from({ length: nodeCount }, (_, index) => aNode(index)),
  );
  await putAll(store, "task", tasksOfServices(present));
  return withScheduler(store, async (run) => {
    await timeToPlace(store, present, run);
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      times.push((await timeToPlace(store, batch, () => putAll(store, "task", tasksOfServices(batch)))).cpuMs);
    }
    return percentile(times, 50);
  });
}

/** A full cluster, and services that wait for room: the median time from a task's end until another has its place. */
async function replaceEnded(nodeCount: number, waiting: number): Promise<number> {
  const store = new MemoryStore({ clock: systemClock, freeze: false });
  const nodes = Array.from({ length: nodeCount }, (_, index) => aNode(index));
  const present = nodes.map((node): Task => {
    const task = aTask(newId(), 1, nodeMemory);
    return { ...task, nodeId: node.id, status: { ...task.status, state: "running" } };
  });
  await putAll(store, "node", nodes);
  await putAll(store, "task", present);
  await putAll(
    store,
    "task",
    Array.from({ length: waiting }, () => aTask(newId(), 1, nodeMemory)),
  );
  return withScheduler(store, async (run) => {
    run();
    while (
      store
        .view()
        .find("task", "state", "pending")
        .some(({ status }) => !status.err)
    ) {
      await store.changed(store.view().revision, AbortSignal.timeout(10_000));
    }
    const times: number[] = [];
    for (const { id } of present.slice(0, 25)) {
      const end = () =>
        store.update((tx) => {
          const task = tx.get("task", id);
          if (task) tx.put("task", { ...task, status: { ...task.status, state: "complete" } });
        });
      times.push((await timeToPlace(store, 1, end)).wallMs);
    }
    return percentile(times, 50);
  });
}

await placeBacklog(100, 5_000); // warms the compiler up

const perSecond = (taskCount: number, { wallMs }: Taken) => taskCount / (wallMs / 1e3);

for (const nodeCount of [10, 100, 1_000]) {
  const value = perSecond(10_000, await placeBacklog(nodeCount, 10_000));
  const target = nodeCount === 1_000 ? ">= 5000/s" : "";
  report({ bench, metric: `placements, ${nodeCount} nodes, 10000 tasks`, value, unit: "/s", target });
}
const small = perSecond(10_000, await placeBacklog(1_000, 10_000, 3));
report({ bench, metric: "the same, 1000 nodes, services of 3 tasks", value: small, unit: "/s", target: ">= 5000/s" });
for (const taskCount of [1_000, 10_000, 50_000, 100_000]) {
  const { cpuMs } = await placeBacklog(1_000, taskCount);
  const value = (cpuMs * 1e3) / taskCount;
  report({ bench, metric: `CPU per placement, ${taskCount} tasks`, value, unit: "us", target: "flat" });
}
for (const present of [1_000, 10_000, 50_000, 100_000]) {
  const value = await placeMore(1_000, present, 500);
  report({ bench, metric: `CPU of creating and placing 500 beside ${present}`, value, unit: "ms", target: "flat" });
}
for (const waiting of [50, 1_000]) {
  const value = await replaceEnded(1_000, waiting);
  report({ bench, metric: `a task ends, ${waiting} services wait for room`, value, unit: "ms" });
}
