import { EngineUnavailable } from "@skep/engine";
import { silentLogger } from "@skep/model";
import { FakeClock, FakeEngine, settle } from "@skep/testkit";
import { expect, test } from "vitest";
import { ImagePuller, type ImageRequest } from "./image-puller.ts";

function node() {
  const clock = new FakeClock();
  const engine = new FakeEngine({ clock, images: ["app:1"] });
  const puller = new ImagePuller({ engine, clock, log: silentLogger });
  const done: string[] = [];
  /** Asks for an image; its name is in `done` once a container may be created. */
  const ensure = (name: string, request: Partial<ImageRequest> = {}, signal = new AbortController().signal) =>
    puller.ensure({ reference: "app:1", generation: "s1@1", ...request }, signal).then(() => void done.push(name));
  const pulls = () => engine.calls.filter((call) => call.startsWith("pull"));
  return { clock, engine, ensure, done, pulls };
}

const silent = () => new Promise<void>(() => {});

test("a registry that can be reached wins over the image that is here", async () => {
  const { engine, ensure } = node();
  engine.registry.set("app:1", "sha256:new");
  await ensure("task");
  expect(engine.images.get("app:1")).toBe("sha256:new");
});

test("tasks of one service version share a pull; a later version asks again", async () => {
  const { clock, engine, ensure, pulls } = node();
  engine.registry.set("app:1", "sha256:new");
  await Promise.all([ensure("1"), ensure("2")]);
  await ensure("3");
  expect(pulls()).toHaveLength(1);
  engine.registry.set("app:1", "sha256:newer");
  await ensure("forced", { generation: "s1@2" });
  expect(engine.images.get("app:1")).toBe("sha256:newer");
  await clock.advanceAsync(10_001);
  await ensure("later", { generation: "s1@2" });
  expect(pulls()).toHaveLength(3);
});

test("a failure concerns those who waited for it: the next attempt of the same version asks again", async () => {
  const { engine, ensure, pulls } = node();
  const reference = "other:1";
  engine.registryReachable = false;
  await Promise.all([ensure("1", { reference }), ensure("2", { reference })]);
  expect(pulls()).toHaveLength(1);
  engine.registryReachable = true;
  engine.registry.set(reference, "sha256:other");
  await ensure("1 again", { reference });
  expect(engine.images.get(reference)).toBe("sha256:other");
});

test("other credentials are another pull", async () => {
  const { engine, ensure, pulls } = node();
  engine.registry.set("app:1", "sha256:new");
  await Promise.all([ensure("1", { registryAuth: "me" }), ensure("2", { registryAuth: "you" })]);
  expect(pulls()).toEqual(["pull app:1 as me", "pull app:1 as you"]);
});

test("a slow download is waited for, however long it takes", async () => {
  const { clock, engine, ensure, done } = node();
  engine.registry.set("app:1", "sha256:new");
  engine.downloadMs = 120_000;
  void ensure("task");
  await clock.advanceAsync(119_999);
  expect(done).toEqual([]);
  await clock.advanceAsync(1);
  expect(done).toEqual(["task"]);
});

test("a silent registry delays a present image by three seconds, and no other for a minute once it has failed", async () => {
  const { clock, engine, ensure, done } = node();
  engine.registryReachable = false;
  engine.before = (call) =>
    call.startsWith("pull") ? new Promise((resolve) => clock.after(20_000, resolve)) : undefined;
  void ensure("first");
  await clock.advanceAsync(2_999);
  expect(done).toEqual([]);
  await clock.advanceAsync(1);
  expect(done).toEqual(["first"]);
  await clock.advanceAsync(17_000);
  void ensure("second", { generation: "s1@2" });
  await clock.advanceAsync(0);
  expect(done).toEqual(["first", "second"]);
  await clock.advanceAsync(20_000 + 60_000);
  void ensure("third", { generation: "s1@3" });
  await clock.advanceAsync(0);
  expect(done).toEqual(["first", "second"]);
  await clock.advanceAsync(3_000);
  expect(done).toEqual(["first", "second", "third"]);
});

test("a registry that is back is asked in earnest again", async () => {
  const { engine, ensure, clock } = node();
  engine.registryReachable = false;
  await ensure("without");
  engine.registryReachable = true;
  engine.registry.set("app:1", "sha256:new");
  await ensure("in the background", { generation: "s1@2" });
  await clock.advanceAsync(0);
  engine.registry.set("app:1", "sha256:newer");
  await ensure("again", { generation: "s1@3" });
  expect(engine.images.get("app:1")).toBe("sha256:newer");
});

test("an image that is not here is waited for, even from a silent registry", async () => {
  const { clock, engine, ensure, done } = node();
  engine.before = (call) => (call.startsWith("pull") ? silent() : undefined);
  void ensure("task", { reference: "other:1" });
  await clock.advanceAsync(600_000);
  expect(done).toEqual([]);
});

test("a registry that refuses is not taken for one that is away", async () => {
  const { ensure, pulls } = node();
  await ensure("refused");
  await ensure("refused again", { generation: "s1@2" });
  expect(pulls()).toHaveLength(2);
});

test("a digest that is here, and an image's own id, are not pulled", async () => {
  const { engine, ensure, pulls } = node();
  const digested = `app@sha256:${"a".repeat(64)}`;
  engine.images.set(digested, "sha256:x");
  await ensure("digest", { reference: digested });
  await ensure("id", { reference: `sha256:${"b".repeat(64)}` });
  expect(pulls()).toEqual([]);
});

test("a pull that nobody waits for any more is given up", async () => {
  const { clock, engine, ensure } = node();
  engine.registry.set("other:1", "sha256:other");
  engine.downloadMs = 10_000;
  const [one, two] = [new AbortController(), new AbortController()];
  const first = ensure("1", { reference: "other:1" }, one.signal);
  const second = ensure("2", { reference: "other:1" }, two.signal);
  await settle();
  one.abort(new Error("task 1 is over"));
  await expect(first).rejects.toThrow("task 1 is over");
  two.abort(new Error("task 2 is over"));
  await expect(second).rejects.toThrow("task 2 is over");
  await clock.advanceAsync(10_000);
  expect(engine.images.has("other:1")).toBe(false);
  const third = ensure("3", { reference: "other:1" });
  await clock.advanceAsync(10_000);
  await third;
  expect(engine.images.has("other:1")).toBe(true);
});

test("an engine that goes away during a pull is no registry's answer: the pull is made again", async () => {
  const { engine, ensure, pulls } = node();
  engine.registry.set("other:1", "sha256:other");
  engine.after = (call) => {
    if (call === "pull other:1") throw new EngineUnavailable("the connection broke");
  };
  await expect(ensure("1", { reference: "other:1" })).rejects.toThrow("the connection broke");
  engine.after = () => {};
  await ensure("2", { reference: "other:1" });
  expect(pulls()).toHaveLength(2);
});
