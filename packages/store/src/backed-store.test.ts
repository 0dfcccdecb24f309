import { expect, test } from "vitest";
import { ManualBackend } from "../test/manual-backend.ts";
import { service } from "../test/objects.ts";
import { BackedStore } from "./backed-store.ts";
import { Tables } from "./tables.ts";

function open() {
  const backend = new ManualBackend();
  const store = new BackedStore(backend, new Tables(), { now: () => 0 });
  const put = (id: string) => {
    const update = store.update((tx) => {
      tx.put("service", service(id));
      return tx.revision;
    });
    return update.catch((err: Error) => err.message);
  };
  const ids = () => [...store.view().all("service")].map(({ id }) => id as string);
  return { backend, store, put, ids };
}

test("while one batch is on its way to the disk, the next one gathers", async () => {
  const { backend, put, ids } = open();
  void put("a");
  await Promise.resolve();
  await Promise.resolve();
  void put("b");
  void put("c");
  expect(await backend.settle()).toEqual([1]);
  expect(ids()).toEqual(["a"]);
  expect(await backend.settle()).toEqual([2, 3]);
  expect(ids()).toEqual(["a", "b", "c"]);
});

test("a batch that fails takes all later transactions with it, and the state goes back to what is durable", async () => {
  const { backend, store, put, ids } = open();
  const first = put("a");
  await backend.settle();
  const failing = put("b");
  await Promise.resolve();
  await Promise.resolve();
  const later = put("c");
  const reads = store.update((tx) => tx.count("service")).catch((err: Error) => err.message);
  const changed = store.changed(1, new AbortController().signal).then(() => "changed");
  await backend.settle(new Error("disk full"));
  expect(await Promise.all([first, failing, later, reads])).toEqual([1, "disk full", "disk full", "disk full"]);
  expect(ids()).toEqual(["a"]);
  expect(store.view().revision).toBe(1);

  const again = store.update((tx) => {
    const seen = [...tx.all("service")].map(({ id }) => id as string);
    tx.put("service", service("b"));
    return [...seen, tx.revision];
  });
  await backend.settle();
  expect(await again).toEqual(["a", 2]);
  expect(await changed).toBe("changed");
  const sets = [];
  for await (const set of store.watch(0, new AbortController().signal)) {
    sets.push(set.changes.map(({ id }) => id));
    if (set.revision === 2) break;
  }
  expect(sets).toEqual([["a"], ["b"]]);
});

test("closing waits for what was run, and closes the backend last", async () => {
  const { backend, store, put } = open();
  const write = put("a");
  const closing = store.close();
  const waits = store.changed(0, new AbortController().signal);
  await expect(waits).rejects.toThrow("the store is closed");
  expect(backend.closed).toBe(false);
  await backend.settle();
  expect(await write).toBe(1);
  await closing;
  expect(backend.closed).toBe(true);
});
