import { type LogOptions, type NodeId, silentLogger, type Task, type TaskId } from "@skep/model";
import { FakeClock, FakeEngine, settle } from "@skep/testkit";
import { expect, test } from "vitest";
import { Agent } from "./agent.ts";
import { assigned, webTask } from "./task/test-tasks.ts";

async function nodeWith(...tasks: Task[]) {
  const clock = new FakeClock();
  const engine = new FakeEngine({ clock });
  const agent = new Agent({
    engine,
    clock,
    logger: silentLogger,
    node: () => ({ id: "n1" as NodeId, hostname: "node-1", platform: { Architecture: "x86_64", OS: "linux" } }),
    report() {},
  });
  void agent.run(new AbortController().signal);
  agent.replaceAll(
    1,
    tasks.map((task) => assigned(task)),
  );
  await settle();
  return { agent, engine };
}

const all: LogOptions = { stdout: true, stderr: true, follow: false, timestamps: false, details: false };
const { signal } = new AbortController();
const t1 = "t1" as TaskId;

test("reads what the container has printed, with the options passed on", async () => {
  const { agent, engine } = await nodeWith(webTask({ spec: { TTY: true } }));
  engine.print("t1", "one\r\n");
  engine.print("t1", "two\r\n");
  const options = { ...all, tail: "1", timestamps: true };
  const text = Buffer.concat(await (await agent.logs(t1, options, signal)).toArray()).toString();
  expect(text).toBe("2026-01-01T00:00:00.000Z two\r\n");
});

test("a container that has ended can still be read", async () => {
  const { agent, engine } = await nodeWith(webTask());
  engine.print("t1", "last words\n");
  engine.exit("t1", 1);
  await settle();
  expect(Buffer.concat(await (await agent.logs(t1, all, signal)).toArray()).toString()).toContain("last words");
});

test("following waits for the container to start", async () => {
  const task = webTask({ desiredState: "ready" });
  const { agent, engine } = await nodeWith(task);
  const following = agent.logs(t1, { ...all, follow: true }, signal);
  await settle();
  expect(engine.calls.some((call) => call.startsWith("logs"))).toBe(false);
  agent.change(2, [assigned({ ...task, desiredState: "running" })], []);
  const stream = await following;
  engine.print("t1", "hello\n");
  engine.exit("t1", 0);
  expect(Buffer.concat(await stream.toArray()).toString()).toContain("hello");
});

test("following a task that never gets a container ends", async () => {
  const { agent } = await nodeWith(webTask({ spec: { Image: "nope:1" } }));
  expect(await (await agent.logs(t1, { ...all, follow: true }, signal)).toArray()).toEqual([]);
  await expect(agent.logs(t1, all, signal)).rejects.toMatchObject({ code: "not-found" });
});

test("who gives up waiting is let go", async () => {
  const { agent } = await nodeWith(webTask({ desiredState: "ready" }));
  const reader = new AbortController();
  const following = agent.logs(t1, { ...all, follow: true }, reader.signal);
  reader.abort(new Error("client left"));
  await expect(following).rejects.toThrow("client left");
});

test("a task of another node has no logs here", async () => {
  const { agent } = await nodeWith();
  await expect(agent.logs(t1, all, signal)).rejects.toThrow("task t1 is not on this node");
});
