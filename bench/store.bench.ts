/** The store's writes and reads, next to what the disk and a plain SQLite loop do in the same folder at the same time. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type NodeId, newId, type ServiceId, silentLogger, systemClock, type Task, type TaskId } from "@skep/model";
import { EmbeddedStore, MemoryStore, type Store, type Transaction } from "@skep/store";
import { percentile, report } from "./report.ts";

const folder = await mkdtemp(join(process.env.BENCH_DIR ?? "/var/tmp", "skep-bench-store-"));
try {
  await writes();
  await manyTasks();
} finally {
  await rm(folder, { recursive: true });
}

function figure(metric: string, value: number, unit: string, target?: string): void {
  report({ bench: "store", metric, value, unit, ...(target !== undefined && { target }) });
}

/** A task as the manager keeps it, about 1 KB of JSON. */
function task(slot: number): Task {
  return {
    id: newId<"task">() as TaskId,
    version: 0,
    createdAt: "",
    updatedAt: "",
    serviceId: `service-${slot % 1000}` as ServiceId,
    slot,
    nodeId: `node-${slot % 997}` as NodeId,
    spec: {
      ContainerSpec: {
        Image:
          "registry.example.com/shop/web:1.27@sha256:6784fb0834aa7dbbe12e3d7471e69c290df3e6ba810dc38b34ae33d3c1c05f7d",
        Env: ["PORT=8080", "DB_HOST=db", "DB_NAME=shop", "LOG_LEVEL=info"],
        Labels: { "com.docker.stack.namespace": "shop" },
      },
      Resources: { Limits: { NanoCPUs: 500_000_000, MemoryBytes: 268_435_456 } },
      RestartPolicy: { Condition: "any", Delay: 5_000_000_000 },
    },
    specVersion: 1,
    serviceName: `web-${slot % 1000}`,
    serviceLabels: {},
    cause: "replica",
    desiredState: "running",
    status: { state: "new", timestamp: "2026-01-01T00:00:00.000Z", message: "created" },
  };
}

function elapsedMs(sinceMs: number): number {
  return performance.now() - sinceMs;
}

/** Every contender in turn, several times over, so that whatever else the machine does befalls all of them. */
async function writes(): Promise<void> {
  const sqlite = openPlainSqlite();
  const store = await EmbeddedStore.open(join(folder, "store.db"), { clock: systemClock, logger: silentLogger });
  const tasks = Array.from({ length: 3000 }, (_, i) => task(i));
  await store.update((tx) => tasks.forEach((each) => void tx.put("task", each)));
  const updateStatus = statusWrite(tasks.map(({ id }) => id));
  const contenders = {
    disk: () => disk(200),
    plainSingle: () => repeat(400, 1, sqlite.write),
    storeSingle: () => writers(store, 1, 400),
    plainGrouped: () => repeat(20, 200, () => sqlite.grouped(200)),
    store16: () => writers(store, 16, 100),
    store64: () => writers(store, 64, 80),
    store256: () => writers(store, 256, 30),
    status16: () => writers(store, 16, 200, updateStatus),
    status64: () => writers(store, 64, 80, updateStatus),
  };
  const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, [] as Run[]]));
  for (const warmUp of Object.values(contenders)) await warmUp();
  for (let round = 0; round < 5; round++) {
    for (const [name, run] of Object.entries(contenders)) runs[name]?.push(await run());
  }
  await store.close();
  sqlite.close();
  reportWrites(runs as Record<keyof typeof contenders, Run[]>);
}

function reportWrites(
  runs: Record<
    "disk" | "plainSingle" | "plainGrouped" | `store${"Single" | 16 | 64 | 256}` | `status${16 | 64}`,
    Run[]
  >,
): void {
  const rate = (of: Run[]) =>
    percentile(
      of.map((run) => run.perSecond),
      50,
    );
  const time = (of: Run[], p: number) =>
    percentile(
      of.flatMap((run) => run.timesMs),
      p,
    );
  figure("disk: write 4 KiB and fdatasync, median", time(runs.disk, 50), "ms");
  figure("disk: write 4 KiB and fdatasync, p99", time(runs.disk, 99), "ms");
  figure("plain sqlite loop, one write a commit", rate(runs.plainSingle), "writes/s");
  figure("plain sqlite loop, one write a commit, p99", time(runs.plainSingle, 99), "ms");
  figure("plain sqlite loop, 200 writes a commit", rate(runs.plainGrouped), "writes/s");
  figure("durable writes, one after another", rate(runs.storeSingle), "writes/s", ">= 2000 writes/s");
  figure("durable writes, one after another, median", time(runs.storeSingle, 50), "ms");
  figure("durable writes, one after another, p99", time(runs.storeSingle, 99), "ms", "<= 10 ms");
  figure("one after another, plain sqlite loop = 1", rate(runs.storeSingle) / rate(runs.plainSingle), "x");
  for (const count of [16, 64, 256] as const) {
    const target = count === 16 ? undefined : ">= 10000 writes/s";
    figure(`durable writes, ${count} writers`, rate(runs[`store${count}`]), "writes/s", target);
    figure(
      `durable writes, ${count} writers, p99`,
      time(runs[`store${count}`], 99),
      "ms",
      count === 256 ? undefined : "<= 10 ms",
    );
  }
  for (const count of [16, 64] as const) {
    figure(`durable status updates, ${count} writers`, rate(runs[`status${count}`]), "writes/s", ">= 10000 writes/s");
    figure(`durable status updates, ${count} writers, p99`, time(runs[`status${count}`], 99), "ms", "<= 10 ms");
  }
  figure("256 writers, plain sqlite loop of 200 = 1", rate(runs.store256) / rate(runs.plainGrouped), "x");
}

/** How fast one contender wrote in one round, and how long each write (or commit) took. */
interface Run {
  readonly perSecond: number;
  readonly timesMs: readonly number[];
}

function repeat(count: number, writesEach: number, act: () => void): Run {
  const timesMs: number[] = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const before = performance.now();
    act();
    timesMs.push(elapsedMs(before));
  }
  return { perSecond: (count * writesEach * 1000) / elapsedMs(start), timesMs };
}

function disk(count: number): Run {
  const file = openSync(join(folder, "disk"), "a");
  const block = Buffer.alloc(4096, 1);
  let at = 0;
  const run = repeat(count, 1, () => {
    writeSync(file, block, 0, block.length, at++ * block.length);
    fdatasyncSync(file);
  });
  closeSync(file);
  return run;
}

function openPlainSqlite() {
  const db = new DatabaseSync(join(folder, "plain.db"));
  db.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id TEXT PRIMARY KEY, json TEXT NOT NULL)",
  );
  const insert = db.prepare("INSERT INTO t VALUES (?, ?)");
  const write = () => void insert.run(newId(), JSON.stringify(task(1)));
  const grouped = (count: number) => {
    db.exec("BEGIN");
    for (let i = 0; i < count; i++) write();
    db.exec("COMMIT");
  };
  return { write, grouped, close: () => db.close() };
}

type Write = (tx: Transaction, nth: number) => void;

/** What the manager writes most: one field of a task that is there. Inserts leave more for the garbage collector. */
function statusWrite(ids: readonly TaskId[]): Write {
  return (tx, nth) => {
    const found = tx.get("task", ids[nth % ids.length] ?? "");
    if (!found) throw new Error("a task is missing");
    tx.put("task", { ...found, status: { ...found.status, state: nth % 2 === 0 ? "running" : "ready" } });
  };
}

async function writers(store: Store, count: number, each: number, write: Write = insert): Promise<Run> {
  const timesMs: number[] = [];
  const writer = async (_: unknown, index: number) => {
    for (let i = 0; i < each; i++) {
      const before = performance.now();
      await store.update((tx) => write(tx, index * each + i));
      timesMs.push(elapsedMs(before));
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: count }, writer));
  return { perSecond: (count * each * 1000) / elapsedMs(start), timesMs };
}

function insert(tx: Transaction, nth: number): void {
  tx.put("task", task(nth));
}

async function manyTasks(): Promise<void> {
  const path = join(folder, "many.db");
  const options = { clock: systemClock, logger: silentLogger };
  const store = await EmbeddedStore.open(path, options);
  const tasks = Array.from({ length: 100_000 }, (_, i) => task(i));
  const start = performance.now();
  for (let at = 0; at < tasks.length; at += 1000) {
    await store.update((tx) => tasks.slice(at, at + 1000).forEach((each) => void tx.put("task", each)));
  }
  figure("100,000 tasks written, 1000 a transaction", elapsedMs(start), "ms");
  await readsAndUpdates(store, tasks, "100,000 tasks");
  await store.close();

  const reopen = performance.now();
  const again = await EmbeddedStore.open(path, options);
  figure("100,000 tasks: open", elapsedMs(reopen), "ms");
  await again.close();

  const memory = new MemoryStore({ clock: systemClock, freeze: false });
  const few = tasks.slice(0, 1000);
  await memory.update((tx) => few.forEach((each) => void tx.put("task", each)));
  await readsAndUpdates(memory, few, "1000 tasks in memory");
}

/** Microseconds of the main thread for each call; an update's wait for the disk is not in it. */
async function readsAndUpdates(store: Store, tasks: readonly Task[], label: string): Promise<void> {
  const pick = (i: number) => tasks[(i * 7919) % tasks.length] as Task;
  const perCall = (metric: string, call: (i: number) => unknown) => {
    const chunks = Array.from({ length: 30 }, (_, chunk) => {
      const start = performance.now();
      for (let i = 0; i < 100; i++) call(chunk * 100 + i);
      return elapsedMs(start) * 10;
    });
    figure(`${label}: ${metric}`, percentile(chunks, 50), "us");
  };
  const view = store.view();
  const slotOf = (i: number) => `${pick(i).serviceId}/${pick(i).slot}`;
  perCall("find by slot", (i) => view.find("task", "slot", slotOf(i)));
  perCall("find by service", (i) => view.find("task", "service", pick(i).serviceId));
  perCall("find by id prefix", (i) => view.withIdPrefix("task", pick(i).id.slice(0, 8)));
  const updates: Promise<void>[] = [];
  perCall("update of one status (find, put, encode)", (i) => {
    const update = store.update((tx) => {
      const [found] = tx.find("task", "slot", slotOf(i));
      if (found) tx.put("task", { ...found, status: { ...found.status, state: "running" } });
    });
    updates.push(update);
  });
  await Promise.all(updates);
}
