import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { DomainError, type LogOptions, type NodeId } from "@skep/model";
import { expect, test } from "vitest";
import type { SessionHandlers } from "./session-handlers.ts";
import { runSession } from "./test-session.ts";
import { assignedTask, TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const options: LogOptions = {
  stdout: true,
  stderr: false,
  follow: true,
  timestamps: true,
  tail: "5",
  details: false,
};
const task = assignedTask("t1", n1);
const never = new AbortController().signal;
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 5000, interval: 5 });

async function start(logs: SessionHandlers["logs"]) {
  const swarm = await TestSwarm.start(n1);
  const agent = await runSession({ nodeId: n1, managers: [swarm.addr], handlers: { logs } });
  await eventually(agent.states).toEqual(["connected"]);
  await eventually(() => swarm.dispatcher.progress(n1)).toBeDefined();
  return {
    swarm,
    open: (signal = never) => swarm.dispatcher.taskLogs(task, options, signal),
    async [Symbol.asyncDispose]() {
      await agent.stop();
      await swarm[Symbol.asyncDispose]();
    },
  };
}

test("a log is sent as the task's node has it, with the options it was asked for", async () => {
  const asked: unknown[] = [];
  await using node = await start(async (...request) => {
    asked.push(request.slice(0, 2));
    return Readable.from([Buffer.from("one\n"), Buffer.from("two\n")]);
  });
  expect(await text(await node.open())).toBe("one\ntwo\n");
  expect(asked).toEqual([["t1", options]]);
});

test("why there is no log is told as it is", async () => {
  await using node = await start(async () => {
    throw new DomainError("not-found", "no such container: c1");
  });
  await expect(node.open()).rejects.toMatchObject({ code: "not-found", message: "no such container: c1" });
});

test("a log that breaks off on the node breaks off at the manager", async () => {
  await using node = await start(async () =>
    Readable.from(
      (async function* () {
        yield Buffer.from("one\n");
        throw new Error("the engine went away");
      })(),
    ),
  );
  await expect(node.open().then(text)).rejects.toMatchObject({ code: "unavailable" });
});

test("a log is read from the engine no faster than at the manager", async () => {
  let produced = 0;
  const chunk = Buffer.alloc(64 * 1024, "x");
  const total = 512;
  await using node = await start(async () =>
    Readable.from(
      (async function* () {
        for (; produced < total; produced++) yield chunk;
      })(),
    ),
  );
  const log = await node.open();
  await eventually(() => produced).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(produced).toBeLessThan(100);
  expect((await text(log)).length).toBe(total * chunk.length);
});

test("when nobody wants a log any more the node stops reading it", async () => {
  const signals: AbortSignal[] = [];
  const logs: Readable[] = [];
  await using node = await start(async (_task, _options, signal) => {
    const log = new Readable({ read() {} });
    log.push("one\n");
    signals.push(signal);
    logs.push(log);
    return log;
  });
  const controller = new AbortController();
  const aborted = await node.open(controller.signal);
  controller.abort();
  const destroyed = await node.open();
  destroyed.destroy();
  await eventually(() => signals.map((signal) => signal.aborted)).toEqual([true, true]);
  expect(logs.every((log) => log.destroyed)).toBe(true);
  expect(aborted.destroyed).toBe(true);
});

test("a request that is taken back before the log is there is taken back on the node", async () => {
  const signals: AbortSignal[] = [];
  await using node = await start((_task, _options, signal) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
  const controller = new AbortController();
  const opening = node.open(controller.signal);
  await eventually(() => signals.length).toBe(1);
  controller.abort();
  await expect(opening).rejects.toThrow("aborted");
  await eventually(() => signals[0]?.aborted).toBe(true);
});

test("logs end with the session", async () => {
  const signals: AbortSignal[] = [];
  await using node = await start(async (_task, _options, signal) => {
    signals.push(signal);
    return new Readable({ read() {} });
  });
  const log = await node.open();
  const ended = text(log).then(
    () => "ended",
    () => "broke off",
  );
  await node.swarm.stop();
  await eventually(() => signals[0]?.aborted).toBe(true);
  expect(await ended).toBe("broke off");
});
