import { type Logger, type ServiceId, silentLogger, type TaskId } from "@skep/model";
import { HistoryGone, MemoryStore, type Store } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { expect, onTestFinished, test } from "vitest";
import { Orchestrator } from "./orchestrator.ts";
import { now, service, task } from "./test-data.ts";

/** An orchestrator over a store some of whose calls a test has replaced. */
async function start(tamper: (store: Store) => Partial<Store> = () => ({}), logger: Logger = silentLogger) {
  const clock = new FakeClock(now);
  const store = new MemoryStore({ clock });
  const tampered: Store = {
    view: () => store.view(),
    update: (change) => store.update(change),
    watch: (revision, signal) => store.watch(revision, signal),
    changed: (revision, signal) => store.changed(revision, signal),
    lead: (signal) => store.lead(signal),
    close: () => store.close(),
    ...tamper(store),
  };
  const stopping = new AbortController();
  const running = new Orchestrator({ store: tampered, clock, logger }).run(stopping.signal);
  onTestFinished(() => {
    stopping.abort();
    return running;
  });
  await clock.advanceAsync(100);
  return { clock, store, running, stopping, tasks: () => [...store.view().all("task")] };
}

const create = (store: Store, replicas: number) =>
  store.update((tx) => tx.put("service", { ...service(replicas), version: 0 }));

test("reacts at once, without its clock being moved on", async () => {
  const { clock, store, tasks } = await start();
  await create(store, 3);
  await clock.advanceAsync(0);
  expect(tasks()).toHaveLength(3);
});

test("changes that follow each other are taken together a little later", async () => {
  const { clock, store, tasks } = await start();
  await create(store, 1);
  await clock.advanceAsync(0);
  for (let replicas = 2; replicas <= 5; replicas++) await scale(store, replicas);
  await clock.advanceAsync(0);
  expect(tasks()).toHaveLength(1);
  await clock.advanceAsync(5);
  expect(tasks()).toHaveLength(5);
});

const scale = (store: Store, replicas: number) =>
  store.update((tx) => {
    const current = tx.get("service", "web");
    if (current) tx.put("service", { ...current, spec: service(replicas).spec });
  });

test("a task that somebody deleted is made again at once", async () => {
  const { clock, store, tasks } = await start();
  await create(store, 2);
  await clock.advanceAsync(100);
  await store.update((tx) => tx.delete("task", tasks()[0]?.id ?? ""));
  await clock.advanceAsync(0);
  expect(tasks()).toHaveLength(2);
});

test("a plan that a quicker writer has overtaken is made again", async () => {
  let overtake = false;
  const { clock, store, tasks } = await start((real) => ({
    async update(change) {
      if (overtake) {
        overtake = false;
        await setState(real, "preparing");
      }
      return real.update(change);
    },
  }));
  await create(store, 1);
  await clock.advanceAsync(100);
  const setDesired = (tx: Parameters<Parameters<Store["update"]>[0]>[0]) => {
    for (const each of tx.all("task")) tx.put("task", { ...each, desiredState: "ready" });
  };
  overtake = true;
  await store.update(setDesired);
  await clock.advanceAsync(100);
  expect(tasks()).toMatchObject([{ desiredState: "running", status: { state: "preparing" } }]);
});

const setState = (store: Store, state: "preparing") =>
  store.update((tx) => {
    for (const each of tx.all("task")) tx.put("task", { ...each, status: { ...each.status, state } });
  });

test("a store that cannot write is tried again a second later, and the failure is logged", async () => {
  let failing = true;
  const errors: string[] = [];
  const logger: Logger = { ...silentLogger, error: (_, message) => errors.push(message), child: () => logger };
  const { clock, store, tasks } = await start(
    (real) => ({ update: (change) => (failing ? Promise.reject(new Error("disk full")) : real.update(change)) }),
    logger,
  );
  await create(store, 1);
  await clock.advanceAsync(100);
  expect(errors).toEqual(["cannot reconcile service"]);
  failing = false;
  await clock.advanceAsync(900);
  expect(tasks()).toHaveLength(1);
});

test("lists again when the store no longer has the history it was to follow", async () => {
  let gone = true;
  const { clock, store, tasks } = await start((real) => ({
    async *watch(revision, signal) {
      if (gone) {
        gone = false;
        await create(real, 2);
        throw new HistoryGone("too far behind");
      }
      yield* real.watch(revision, signal);
    },
  }));
  await clock.advanceAsync(100);
  expect(tasks()).toHaveLength(2);
  await store.update((tx) => tx.delete("service", "web"));
  await clock.advanceAsync(100);
  expect(tasks()).toHaveLength(0);
});

test("what no event told is found by the pass over everything, every minute", async () => {
  const { clock, store, tasks } = await start(() => ({
    async *watch(_, signal) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  }));
  await create(store, 1);
  await store.update((tx) =>
    tx.put("task", { ...task({ id: "left-over", state: "pending" }), version: 0, serviceId: "gone" as ServiceId }),
  );
  await clock.advanceAsync(59_000);
  expect(tasks()).toHaveLength(1);
  await clock.advanceAsync(1_000);
  expect(tasks().map(({ id }) => id)).not.toContain("left-over" as TaskId);
  expect(tasks()).toHaveLength(1);
});

test("ends when its signal aborts, and leaves no timer behind", async () => {
  const { clock, store, running, stopping } = await start();
  await create(store, 3);
  await clock.advanceAsync(100);
  stopping.abort();
  await running;
  expect(clock.pending).toBe(0);
});

test("ends with the store's error when it can no longer be followed", async () => {
  const clock = new FakeClock(now);
  const store = new MemoryStore({ clock });
  const running = new Orchestrator({ store, clock, logger: silentLogger }).run(new AbortController().signal);
  const failed = expect(running).rejects.toThrow();
  await clock.advanceAsync(100);
  await store.close();
  await failed;
  expect(clock.pending).toBe(0);
});
