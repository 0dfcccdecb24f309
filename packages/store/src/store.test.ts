import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServiceId, silentLogger } from "@skep/model";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { node, service, task } from "../test/objects.ts";
import { EmbeddedStore } from "./embedded/embedded-store.ts";
import { MemoryStore } from "./memory/memory-store.ts";
import { type ChangeSet, HistoryGone, type Store, type Transaction } from "./store.ts";

const newYear = Date.UTC(2026, 0, 1);
const stores = [
  { name: "MemoryStore", open: async () => new MemoryStore({ clock }) },
  {
    name: "EmbeddedStore",
    open: (folder: string) => EmbeddedStore.open(join(folder, "store.db"), { clock, logger: silentLogger }),
  },
];
let nowMs = newYear;
const clock = { now: () => nowMs };

describe.each(stores)("$name", ({ open }) => {
  let folder: string;
  let store: Store;
  let watching: AbortController;
  beforeEach(async () => {
    nowMs = newYear;
    folder = await mkdtemp(join(tmpdir(), "skep-store-"));
    store = await open(folder);
    watching = new AbortController();
  });
  afterEach(async () => {
    watching.abort();
    await store.close();
    await rm(folder, { recursive: true });
  });

  const put = (...ids: string[]) => store.update((tx) => ids.forEach((id) => void tx.put("service", service(id))));
  const names = () => [...store.view().all("service")].map(({ id }) => id as string).sort();
  /** The next `count` change sets after `revision`, one line each: `2: +a -b ~c`. */
  const watched = async (revision: number, count: number) => {
    const seen: string[] = [];
    for await (const set of store.watch(revision, watching.signal)) {
      seen.push(describeSet(set));
      if (seen.length === count) break;
    }
    return seen;
  };

  describe("versions", () => {
    test("a write gets the transaction's revision as version, and both times", async () => {
      await put("a");
      nowMs += 5000;
      await store.update((tx) => tx.put("service", { ...present(tx, "a"), specVersion: 2 }));
      expect(store.view().get("service", "a")).toMatchObject({
        version: 2,
        specVersion: 2,
        createdAt: "2026-01-01T00:00:00.000Z",
        updatedAt: "2026-01-01T00:00:05.000Z",
      });
      expect(store.view().revision).toBe(2);
    });

    test("a stale version is refused in docker's words, and changes nothing", async () => {
      await put("a");
      const stale = store.view().get("service", "a") ?? expect.unreachable();
      await store.update((tx) => tx.put("service", { ...stale, specVersion: 2 }));
      const update = store.update((tx) => {
        tx.put("service", service("b"));
        tx.put("service", { ...stale, specVersion: 3 });
      });
      await expect(update).rejects.toThrow("rpc error: code = Unknown desc = update out of sequence");
      expect(store.view().get("service", "a")).toMatchObject({ version: 2, specVersion: 2 });
      expect(names()).toEqual(["a"]);
      expect(store.view().revision).toBe(2);
    });

    test("a new object needs version 0, and an existing one must not have it", async () => {
      await expect(store.update((tx) => tx.put("service", { ...service("a"), version: 7 }))).rejects.toThrow(
        "sequence",
      );
      await put("a");
      await expect(put("a")).rejects.toThrow("sequence");
    });

    test("a transaction may write an object again after reading it back", async () => {
      await store.update((tx) => {
        tx.put("service", service("a"));
        tx.put("service", { ...present(tx, "a"), specVersion: 9 });
      });
      expect(store.view().get("service", "a")).toMatchObject({ version: 1, specVersion: 9 });
    });
  });

  describe("transactions", () => {
    test("runs at once, on top of those that are not durable yet, which view does not show", async () => {
      const first = put("a");
      const second = store.update((tx) => [tx.get("service", "a")?.id, tx.count("service"), tx.revision]);
      const third = store.update((tx) => tx.delete("service", "a"));
      const fourth = store.update((tx) => tx.find("service", "name", "a").length);
      expect(names()).toEqual([]);
      expect(store.view().revision).toBe(0);
      expect(await second).toEqual(["a", 1, 2]);
      expect(await fourth).toBe(0);
      await Promise.all([first, third]);
      expect(store.view().revision).toBe(2);
    });

    test("what a function wrote before it threw is gone, and writes that wait are still there", async () => {
      const waits = put("a", "b");
      const throws = store.update((tx) => {
        tx.delete("service", "a");
        tx.put("service", { ...present(tx, "b"), specVersion: 5 });
        tx.put("service", service("c"));
        throw new Error("no");
      });
      const after = store.update((tx) => [...tx.all("service")].map(({ id, specVersion }) => `${id}${specVersion}`));
      await expect(throws).rejects.toThrow("no");
      expect((await after).sort()).toEqual(["a1", "b1"]);
      await waits;
      expect(names()).toEqual(["a", "b"]);
      expect(store.view().find("service", "name", "c")).toEqual([]);
    });

    test("one that writes nothing takes no revision, and waits for what it read", async () => {
      let durable = false;
      const write = put("a").then(() => {
        durable = true;
      });
      await store.update((tx) => tx.get("service", "a"));
      expect(durable).toBe(true);
      await store.update((tx) => {
        tx.put("service", service("b"));
        tx.delete("service", "b");
        tx.delete("service", "never was");
      });
      await write;
      expect(store.view().revision).toBe(1);
    });

    test("reads see what the transaction itself wrote", async () => {
      await put("a1", "a2", "b1");
      const seen = await store.update((tx) => {
        const before = [...tx.all("service")].length;
        for (const each of tx.all("service")) tx.put("service", { ...each, specVersion: 2 });
        tx.delete("service", "a2");
        tx.put("service", service("a3"));
        const prefixed = tx.withIdPrefix("service", "a").map(({ id }) => id as string);
        return [before, prefixed, tx.withIdPrefix("service", "a", 1).length, tx.find("service", "name", "a2").length];
      });
      expect(seen).toEqual([3, ["a1", "a3"], 1, 0]);
    });

    test("a transaction is over when its function has returned, and its function is synchronous", async () => {
      const tx = await store.update((tx) => tx);
      expect(() => tx.put("service", service("a"))).toThrow("after its function had returned");
      await expect(store.update(async (tx) => tx.put("service", service("a")))).rejects.toThrow("synchronous");
      const { nested } = await store.update(() => ({ nested: expectRejection(store.update(() => {})) }));
      expect(await nested).toContain("inside another");
      expect(names()).toEqual([]);
    });
  });

  describe("indices", () => {
    test("names are found regardless of case", async () => {
      await store.update((tx) => {
        tx.put("service", service("s", "Web"));
        tx.put("node", node("n", "Node-1"));
        tx.put("node", node("unknown"));
      });
      const view = store.view();
      expect(view.find("service", "name", "wEB")).toHaveLength(1);
      expect(view.find("node", "name", "node-1")).toHaveLength(1);
      expect(view.find("node", "role", "worker")).toHaveLength(2);
    });

    test("a task is found by service, node, slot and both states, and no longer by what it was", async () => {
      await store.update((tx) => {
        tx.put("task", task("t", { serviceId: "web", slot: 2, state: "pending" }));
        tx.put("task", task("g", { serviceId: "all", slot: 0, nodeId: "n1", state: "running" }));
      });
      await store.update((tx) => {
        const pending = tx.get("task", "t") ?? expect.unreachable();
        tx.put("task", { ...pending, status: { ...pending.status, state: "assigned" } });
      });
      const view = store.view();
      const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);
      expect(ids(view.find("task", "service", "web"))).toEqual(["t"]);
      expect(ids(view.find("task", "slot", "web/2"))).toEqual(["t"]);
      expect(ids(view.find("task", "slot", "all/n1"))).toEqual(["g"]);
      expect(ids(view.find("task", "node", "n1"))).toEqual(["g"]);
      expect(ids(view.find("task", "state", "pending"))).toEqual([]);
      expect(ids(view.find("task", "state", "assigned"))).toEqual(["t"]);
      expect(ids(view.find("task", "desired-state", "running")).sort()).toEqual(["g", "t"]);
    });
  });

  describe("watching", () => {
    test("gives every change set after a revision, with before and after", async () => {
      await put("a", "b");
      await store.update((tx) => {
        tx.delete("service", "a");
        tx.put("service", { ...present(tx, "b"), specVersion: 2 });
        tx.put("service", service("c"));
      });
      expect(await watched(0, 2)).toEqual(["1: +a +b", "2: +c -a ~b"]);
      expect(await watched(1, 1)).toEqual(["2: +c -a ~b"]);
    });

    test("has no gap and no repetition while many write", async () => {
      const following = [watched(0, 300), watched(0, 300)];
      const writes = Array.from({ length: 300 }, async (_, i) => {
        if (i % 3 === 0) await store.changed(i / 2, watching.signal);
        await put(`s${i}`);
      });
      const [first, second] = await Promise.all(following);
      await Promise.all(writes);
      expect(first?.map((line) => Number(line.split(":")[0]))).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
      expect(second).toEqual(first);
    });

    test("change sets are durable and in the view by the time they are seen", async () => {
      const writes = Promise.all(Array.from({ length: 50 }, (_, i) => put(`s${i}`)));
      for await (const set of store.watch(0, watching.signal)) {
        expect(store.view().revision).toBeGreaterThanOrEqual(set.revision);
        expect(store.view().get(set.changes[0]?.kind ?? "task", set.changes[0]?.id ?? "")).toBeDefined();
        if (set.revision === 50) break;
      }
      await writes;
    });

    test("ends when its signal aborts, and changed resolves then", async () => {
      const done = watched(0, 1);
      const changed = store.changed(0, watching.signal);
      watching.abort();
      expect(await done).toEqual([]);
      await changed;
    });

    test("changed resolves at once for what is past, else with the next write", async () => {
      await put("a");
      await store.changed(0, watching.signal);
      let resolved = false;
      const changed = store.changed(1, watching.signal).then(() => {
        resolved = true;
      });
      await store.update((tx) => tx.count("service"));
      expect(resolved).toBe(false);
      await put("b");
      await changed;
    });

    test("says that history is gone for revisions it has never had", async () => {
      await put("a");
      await expect(watched(2, 1)).rejects.toThrow(HistoryGone);
      await expect(watched(-1, 1)).rejects.toThrow(HistoryGone);
    });

    test("says that history is gone once too much was written since", { timeout: 20_000 }, async () => {
      await Promise.all(Array.from({ length: 10_100 }, (_, i) => put(`s${i}`)));
      await expect(watched(99, 1)).rejects.toThrow(HistoryGone);
      expect(await watched(100, 1)).toEqual(["101: +s100"]);
    });
  });

  describe("closing", () => {
    test("makes what was written durable first, and refuses what comes after", async () => {
      const write = put("a");
      await store.close();
      await write;
      await expect(put("b")).rejects.toThrow("the store is closed");
      await expect(store.changed(1, watching.signal)).rejects.toThrow("the store is closed");
    });

    test("the lease lasts until then", async () => {
      await using lease = await store.lead(watching.signal);
      expect(lease.lost.aborted).toBe(false);
      await store.close();
      expect(lease.lost.aborted).toBe(true);
    });
  });
});

const present = (tx: Transaction, id: string) => tx.get("service", id as ServiceId) ?? expect.unreachable();

const expectRejection = (update: Promise<unknown>) => update.then(() => "not rejected", String);

function describeSet({ revision, changes }: ChangeSet): string {
  const signs = changes.map(({ id, before, after }) => `${before ? (after ? "~" : "-") : "+"}${id}`);
  return `${revision}: ${signs.sort().join(" ")}`;
}
