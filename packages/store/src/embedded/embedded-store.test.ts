import { mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type DomainError, type Logger, silentLogger } from "@skep/model";
import { afterEach, beforeEach, expect, test } from "vitest";
import { service, task } from "../../test/objects.ts";
import { BackedStore } from "../backed-store.ts";
import { Tables } from "../tables.ts";
import { EmbeddedStore } from "./embedded-store.ts";
import { SqliteBackend } from "./sqlite-backend.ts";
import { Writer } from "./writer.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-embedded-"));
  path = join(folder, "state", "store.db");
});
afterEach(() => rm(folder, { recursive: true }));

const clock = { now: () => Date.UTC(2026, 0, 1) };
const openStore = () => EmbeddedStore.open(path, { clock, logger: silentLogger });
const put = (store: EmbeddedStore, id: string) => store.update((tx) => tx.put("service", service(id)));
const opening = () =>
  openStore().then(
    () => expect.unreachable(),
    (err: DomainError) => `${err.code}: ${err.message.replace(path, "PATH")}`,
  );

test("has everything again after a restart, and goes on at the same revision", async () => {
  const store = await openStore();
  await put(store, "a");
  await put(store, "b");
  await store.update((tx) => {
    tx.delete("service", "a");
    tx.put("task", task("t", { nodeId: "n1", state: "running" }));
  });
  const before = [...store.view().all("service"), ...store.view().all("task")];
  await store.close();

  const again = await openStore();
  expect([...again.view().all("service"), ...again.view().all("task")]).toEqual(before);
  expect(again.view().find("task", "node", "n1")).toHaveLength(1);
  expect(again.view().revision).toBe(3);
  expect(await again.update((tx) => tx.revision)).toBe(4);
  await again.close();
});

test("takes a transaction of many objects, and reads them all back", async () => {
  const store = await openStore();
  await store.update((tx) => {
    for (let i = 0; i < 12_345; i++) tx.put("task", task(`t${i}`, { slot: i + 1 }));
  });
  await store.close();
  const again = await openStore();
  expect(again.view().count("task")).toBe(12_345);
  expect(again.view().revision).toBe(1);
  await again.close();
});

test("only the owner may read the file and its log", async () => {
  const store = await openStore();
  await put(store, "a");
  for (const file of [path, `${path}-wal`]) expect((await stat(file)).mode & 0o777).toBe(0o600);
  await store.close();
});

test("what cannot be stored is refused to its author alone", async () => {
  const store = await openStore();
  const broken = store.update((tx) => tx.put("service", { ...service("a"), registryAuth: 1n as never }));
  const fine = put(store, "b");
  await expect(broken).rejects.toThrow(TypeError);
  await fine;
  expect([...store.view().all("service")].map(({ id }) => id)).toEqual(["b"]);
  await store.close();
});

test("refuses a file that another process, or another store, has open", async () => {
  const store = await openStore();
  expect(await opening()).toBe(
    "unavailable: the store PATH is in use by another process (database is locked): is another skepd running on this data root?",
  );
  await store.close();
});

test("refuses a file of a newer schema", async () => {
  await (await openStore()).close();
  const db = new DatabaseSync(path);
  db.exec("PRAGMA user_version = 99");
  db.close();
  expect(await opening()).toBe(
    "unavailable: the store PATH was written by a newer skep (schema 99): run the version of skep that wrote it, or a later one",
  );
});

test("says which file is damaged, and what to do", async () => {
  const store = await openStore();
  await store.update((tx) => {
    for (let i = 0; i < 200; i++) tx.put("service", service(`s${i}`));
  });
  await store.close();
  const whole = await readFile(path);
  for (const at of [0, 4096 * 3]) {
    const file = await open(path, "w");
    await file.write(whole);
    await file.write(Buffer.alloc(4096, 0xaa), 0, 4096, at);
    await file.close();
    expect(await opening()).toMatch(
      /^unavailable: the store PATH is damaged \(.+\): stop the daemon, move the file and its -wal file away, and put a backup in their place$/s,
    );
  }
});

test("says which kind of object cannot be read", async () => {
  await (await openStore()).close();
  const db = new DatabaseSync(path);
  db.exec(`INSERT INTO objects VALUES ('service', 'a', 1, '{"id":')`);
  db.close();
  expect(await opening()).toContain("the store PATH is damaged (a service in it cannot be read");
});

test("says that a path cannot be used", async () => {
  await writeFile(join(folder, "file"), "");
  path = join(folder, "file", "store.db");
  expect(await opening()).toMatch(
    /^unavailable: cannot use the store PATH \(.+\): check the path, its permissions and the disk$/,
  );
});

test("fails every write, and says so, once its thread has died", async () => {
  const logged: string[] = [];
  const logger: Logger = { ...silentLogger, error: (_, message) => void logged.push(message) };
  const { backend } = await SqliteBackend.open(path, logger, () => {});
  const store = new BackedStore(backend, new Tables(), clock);
  await store.update((tx) => tx.put("service", service("a")));
  const writer: unknown = Reflect.get(backend, "writer");
  if (!(writer instanceof Writer)) return expect.unreachable();
  const put = (id: string) => store.update((tx) => tx.put("service", service(id))).then(() => "written", String);
  const onItsWay = put("b");
  void writer.terminate();
  const died = `DomainError: the thread that writes the store ${path} has died: restart the daemon; nothing is written until then`;
  expect(await Promise.all([onItsWay, put("c")])).toEqual([died, died]);
  expect(await put("d")).toBe(died);
  expect(backend.broken.aborted).toBe(true);
  expect(logged).toContain("store writer died");
  expect([...store.view().all("service")].map(({ id }) => id)).toEqual(["a"]);
  await store.close();
});
