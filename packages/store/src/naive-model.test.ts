import { setImmediate } from "node:timers/promises";
import type { Task, TaskState } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualBackend } from "../test/manual-backend.ts";
import { task } from "../test/objects.ts";
import { BackedStore } from "./backed-store.ts";
import { slotKey } from "./index-keys.ts";
import type { Reader, Transaction } from "./store.ts";
import { Tables } from "./tables.ts";

/** The naive store: a plain map, scanned for everything. */
type Naive = ReadonlyMap<string, Task>;

const ids = ["a", "ab", "abc", "b", "ba"];
const services = ["web", "db"];
const nodes = ["n1", "n2"];
const states: readonly TaskState[] = ["new", "running", "failed"];

const write = fc.record({
  do: fc.constant("put" as const),
  id: fc.constantFrom(...ids),
  serviceId: fc.constantFrom(...services),
  slot: fc.nat({ max: 2 }),
  nodeId: fc.option(fc.constantFrom(...nodes), { nil: undefined }),
  state: fc.constantFrom(...states),
});
const remove = fc.record({ do: fc.constant("delete" as const), id: fc.constantFrom(...ids) });
const look = fc.record({ do: fc.constant("look" as const), id: fc.constantFrom(...ids) });
const transaction = fc.record({
  ops: fc.array(fc.oneof(write, write, remove, look), { maxLength: 6 }),
  throws: fc.nat({ max: 4 }).map((n) => n === 0),
  /** Whether its batch is on its way before the next step, so that what follows comes in a later one. */
  leaves: fc.boolean(),
});
const step = fc.oneof(
  { weight: 5, arbitrary: transaction },
  { weight: 2, arbitrary: fc.constant("commit succeeds" as const) },
  { weight: 1, arbitrary: fc.constant("commit fails" as const) },
);

/** What transactions here are made to fail with. */
const expected = new Set(["no", "disk full"]);

type Valued<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Op = Valued<typeof write> | Valued<typeof remove> | Valued<typeof look>;

test("reads, before and after being durable, are those of a naive store", { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const backend = new ManualBackend();
      const store = new BackedStore(backend, new Tables(), { now: () => 0 });
      const durableAt = new Map<number, Naive>([[0, new Map()]]);
      let newest = { revision: 0, tasks: new Map() as Naive };
      let durable = newest;
      const unexpected: Error[] = [];
      const settle = async (error?: Error) => {
        const revisions = await backend.settle(error);
        if (revisions.length === 0) return;
        const revision = revisions.at(-1) ?? 0;
        if (error) newest = durable;
        else durable = { revision, tasks: durableAt.get(revision) ?? new Map() };
      };
      for (const each of steps) {
        if (each === "commit succeeds") await settle();
        else if (each === "commit fails") await settle(new Error("disk full"));
        else {
          const tasks = new Map(newest.tasks);
          const update = store.update((tx) => {
            for (const op of each.ops) applyOp(op, tx.revision, tasks, tx);
            expectSame(tx, tasks);
            if (each.throws) throw new Error("no");
            return tx.revision;
          });
          update.catch((err: Error) => expected.has(err.message) || unexpected.push(err));
          if (!each.throws && wrote(newest.tasks, tasks)) {
            newest = { revision: newest.revision + 1, tasks };
            durableAt.set(newest.revision, tasks);
          }
          if (each.leaves) await setImmediate();
        }
        expect(store.view().revision).toBe(durable.revision);
        expectSame(store.view(), durable.tasks);
      }
      await setImmediate();
      expect(unexpected).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

function applyOp(op: Op, revision: number, tasks: Map<string, Task>, tx: Transaction): void {
  if (op.do === "look") expectSame(tx, tasks);
  else if (op.do === "delete") {
    tx.delete("task", op.id);
    tasks.delete(op.id);
  } else {
    const { id, nodeId, do: _, ...parts } = op;
    const object = { ...task(id, { ...parts, ...(nodeId && { nodeId }) }), version: tasks.get(id)?.version ?? 0 };
    tx.put("task", object);
    tasks.set(id, { ...object, version: revision });
  }
}

const wrote = (before: Naive, after: Naive) =>
  before.size !== after.size || [...after].some(([id, { version }]) => before.get(id)?.version !== version);

function expectSame(reader: Reader, tasks: Naive): void {
  const show = ({ id, version, status }: Task) => `${id} v${version} ${status.state}`;
  const all = [...tasks.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  const same = (found: Iterable<Task>, wanted: readonly Task[]) =>
    expect([...found].map(show).sort()).toEqual(wanted.map(show).sort());
  same(reader.all("task"), all);
  expect(reader.count("task")).toBe(all.length);
  for (const id of ids) expect(reader.get("task", id)?.version).toBe(tasks.get(id)?.version);
  for (const prefix of ["", "a", "ab", "b", "c"]) {
    const wanted = all.filter(({ id }) => id.startsWith(prefix));
    expect(reader.withIdPrefix("task", prefix).map(show)).toEqual(wanted.map(show));
    expect(reader.withIdPrefix("task", prefix, 2).map(show)).toEqual(wanted.slice(0, 2).map(show));
  }
  for (const key of services)
    same(
      reader.find("task", "service", key),
      all.filter((each) => each.serviceId === key),
    );
  for (const key of nodes)
    same(
      reader.find("task", "node", key),
      all.filter((each) => each.nodeId === key),
    );
  for (const key of states)
    same(
      reader.find("task", "state", key),
      all.filter((each) => each.status.state === key),
    );
  for (const key of new Set(all.map(slotKey))) {
    if (key)
      same(
        reader.find("task", "slot", key),
        all.filter((each) => slotKey(each) === key),
      );
  }
}
