// A cluster of 1,000 nodes in one process: orchestrator, scheduler and enforcer on a store in memory, with agents that
// only pretend. `--large` takes the curve from 10,000 tasks to 100,000.
import { ConstraintEnforcer, Orchestrator, Scheduler } from "@skep/manager";
import {
  compareTaskStates,
  type Node,
  newId,
  type Service,
  silentLogger,
  systemClock,
  type Task,
  type TaskState,
  timestamp,
} from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { percentile, report } from "./report.ts";

const bench = "simulation";
const nodeCount = 1_000;
const replicas = 50;
const objectsPerTransaction = 200;

const made = { version: 0, createdAt: "", updatedAt: "" };

const aNode = (index: number): Node => ({
  ...made,
  id: newId(),
  spec: { Role: "worker", Availability: "active", Labels: {} },
  status: { state: "ready", addr: `10.0.${index >> 8}.${index & 255}` },
  description: {
    Hostname: `node-${index}`,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 64e9, MemoryBytes: 2 ** 40 },
    Engine: { EngineVersion: "20.10.24" },
  },
});

const aService = (index: number): Service => ({
  ...made,
  id: newId(),
  specVersion: 1,
  endpoint: {},
  spec: {
    Name: `service-${index}`,
    Mode: { Replicated: { Replicas: replicas } },
    TaskTemplate: {
      ContainerSpec: { Image: "nginx:1.27" },
      Resources: { Reservations: { NanoCPUs: 1e6, MemoryBytes: 2 ** 20 } },
    },
  },
});

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

function* chunks<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let start = 0; start < items.length; start += objectsPerTransaction) {
    yield items.slice(start, start + objectsPerTransaction);
  }
}

/** What an agent would report next of a task, as if nothing ever took time; undefined when it has reported all. */
function nextState({ status, desiredState }: Task): TaskState | undefined {
  if (compareTaskStates(status.state, "assigned") < 0 || compareTaskStates(status.state, "running") > 0)
    return undefined;
  const reachable: TaskState = compareTaskStates(desiredState, "running") > 0 ? "shutdown" : desiredState;
  return compareTaskStates(status.state, reachable) < 0 ? reachable : undefined;
}

/** All agents of the cluster at once; one that reports in a transaction of its own would measure the store only. */
async function runAgents(store: Store, signal: AbortSignal): Promise<void> {
  const reader = store.view();
  for await (const { changes } of store.watch(reader.revision, signal)) {
    const told = changes.flatMap(({ kind, after }) => (kind === "task" && after ? [after as Task] : []));
    const moving = told.filter((task) => nextState(task) !== undefined);
    for (const chunk of chunks(moving)) {
      await store.update((tx) => {
        for (const { id } of chunk) {
          const task = tx.get("task", id);
          const node = task?.nodeId && tx.get("node", task.nodeId);
          const state = task && nextState(task);
          if (!task || !node || node.status.state !== "ready" || !state) continue;
          const now = timestamp(systemClock.now());
          const status = { ...task.status, state, timestamp: now, message: state };
          tx.put("task", { ...task, status: state === "running" ? { ...status, runningAt: now } : status });
        }
      });
    }
  }
}

/** Counts the tasks that run and are meant to. */
class Progress {
  private running = 0;
  private waiting: { readonly isReached: (running: number) => boolean; readonly resolve: () => void } | undefined;

  /** Resolves once the count is as `isReached` wants it. For one waiter at a time. */
  until(isReached: (running: number) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { isReached, resolve };
      this.check();
    });
  }

  async run(store: Store, signal: AbortSignal): Promise<void> {
    for await (const { changes } of store.watch(store.view().revision, signal)) {
      for (const { kind, before, after } of changes) {
        if (kind === "task") this.running += runs(after as Task | undefined) - runs(before as Task | undefined);
      }
      this.check();
    }
  }

  private check(): void {
    if (!this.waiting?.isReached(this.running)) return;
    this.waiting.resolve();
    this.waiting = undefined;
  }
}

const runs = (task: Task | undefined) => (task?.status.state === "running" && task.desiredState === "running" ? 1 : 0);

interface Cluster {
  readonly store: Store;
  readonly progress: Progress;
}

async function withCluster<T>(body: (cluster: Cluster) => Promise<T>): Promise<T> {
  const store: Store = new MemoryStore({ clock: systemClock, freeze: false });
  const progress = new Progress();
  const stop = new AbortController();
  for (const chunk of chunks(times(nodeCount, aNode))) {
    await store.update((tx) => {
      for (const node of chunk) tx.put("node", node);
    });
  }
  const options = { store, clock: systemClock, logger: silentLogger };
  const loops = [
    new Orchestrator(options).run(stop.signal),
    new Scheduler(options).run(stop.signal),
    new ConstraintEnforcer(options).run(stop.signal),
    runAgents(store, stop.signal),
    progress.run(store, stop.signal),
  ];
  try {
    return await body({ store, progress });
  } finally {
    stop.abort();
    await Promise.all(loops);
    await store.close();
  }
}

/** Wall-clock time is what users feel; CPU time can be compared between runs on a machine that does other things too. */
interface Taken {
  readonly wallMs: number;
  readonly cpuMs: number;
}

async function timed(work: () => Promise<void>): Promise<Taken> {
  const start = performance.now();
  const cpuBefore = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs: performance.now() - start, cpuMs: (user + system) / 1e3 };
}

/** The time from the first service's creation until all tasks run. */
const createServices = ({ store, progress }: Cluster, taskCount: number) =>
  timed(async () => {
    for (const service of times(taskCount / replicas, aService)) {
      await store.update((tx) => tx.put("service", { ...service, spec: { ...service.spec, Name: service.id } }));
    }
    await progress.until((running) => running === taskCount);
  });

/** The time from the loss of `lost` nodes until as many tasks as before run, elsewhere. */
const loseNodes = ({ store, progress }: Cluster, taskCount: number, lost: number) =>
  timed(async () => {
    const nodes = [...store.view().all("node")].slice(0, lost);
    await store.update((tx) => {
      for (const node of nodes) {
        const since = timestamp(systemClock.now());
        tx.put("node", { ...node, status: { ...node.status, state: "down", since } });
      }
    });
    const isEmpty = ({ id }: Node) =>
      store
        .view()
        .find("task", "node", id)
        .every((task) => runs(task) === 0);
    await progress.until((running) => running === taskCount && nodes.every(isEmpty));
  });

/** Milliseconds until a service more, of three tasks, runs beside all others: the cluster's own part of a creation. */
async function createOneMore({ store, progress }: Cluster, present: number): Promise<number> {
  const samples: number[] = [];
  for (let made = 1; made <= 15; made++) {
    const service = aService(made);
    const spec = { ...service.spec, Name: service.id, Mode: { Replicated: { Replicas: 3 } } };
    const { wallMs } = await timed(async () => {
      await store.update((tx) => tx.put("service", { ...service, spec }));
      await progress.until((running) => running === present + 3 * made);
    });
    samples.push(wallMs);
  }
  return percentile(samples, 50);
}

async function simulate(taskCount: number): Promise<void> {
  const tell = (metric: string, value: number, unit: string, target = "") =>
    report({ bench, metric: `${taskCount} tasks: ${metric}`, value, unit, target });
  await withCluster(async (cluster) => {
    const created = await createServices(cluster, taskCount);
    tell("created to running", taskCount / (created.wallMs / 1e3), "/s", ">= 5000/s");
    tell("CPU per task", (created.cpuMs * 1e3) / taskCount, "us", "flat");
    const lost = await loseNodes(cluster, taskCount, 10);
    tell("CPU per task moved off 10 lost nodes", (lost.cpuMs * 1e3) / ((10 * taskCount) / nodeCount), "us");
    tell("3 tasks more, created to running", await createOneMore(cluster, taskCount), "ms", "flat");
  });
}

const curve = process.argv.includes("--large") ? [1_000, 10_000, 50_000, 100_000] : [1_000, 5_000, 10_000];
await withCluster((cluster) => createServices(cluster, 5_000)); // warms the compiler up
for (const taskCount of curve) await simulate(taskCount);
