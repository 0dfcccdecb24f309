import type { ClientHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type LogOptions, logRefusalHeader, type NodeId, type Refusal, type Task, type TaskId } from "@skep/model";
import { expect, test } from "vitest";
import { someTask } from "./test-objects.ts";
import { type TestAgent, TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const n2 = "node-2" as NodeId;
const options: LogOptions = { stdout: true, stderr: true, follow: true, timestamps: false, details: false };
const task: Task = someTask("t1" as TaskId, { nodeId: n1 });
const never = new AbortController().signal;

async function start() {
  const swarm = await TestSwarm.start({ nodes: [n1, n2] });
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  return { swarm, agent, open: (signal = never) => swarm.dispatcher.taskLogs(task, options, signal) };
}

/** The agent's answer to the next request for a log. */
async function answer(agent: TestAgent, headers: Record<string, string> = {}): Promise<ClientHttp2Stream> {
  const { id } = await agent.next("logs");
  const stream = agent.connection.request({ ":method": "POST", ":path": `/logs/${id}`, ...headers });
  stream.on("error", () => {});
  stream.resume();
  return stream;
}

const closed = (stream: ClientHttp2Stream | Readable) => new Promise<void>((resolve) => stream.on("close", resolve));

test("the log comes from the task's node, as it was asked for, byte for byte", async () => {
  const { swarm, agent, open } = await start();
  await using _ = swarm;
  const opening = open();
  const request = await agent.next("logs");
  expect(request).toMatchObject({ taskId: "t1", options });
  const stream = agent.connection.request({ ":method": "POST", ":path": `/logs/${request.id}` });
  stream.end("one\ntwo\n");
  expect(await text(await opening)).toBe("one\ntwo\n");
});

test("without a session of its node there is no log", async () => {
  const { swarm } = await start();
  await using _ = swarm;
  const elsewhere = someTask("t2" as TaskId, { nodeId: n2 });
  await expect(swarm.dispatcher.taskLogs(elsewhere, options, never)).rejects.toMatchObject({
    code: "unavailable",
    message: "node node-2 is not available",
  });
});

test("the node's refusal is passed on as it is", async () => {
  const { swarm, agent, open } = await start();
  await using _ = swarm;
  const opening = open();
  const refusal: Refusal = { code: "not-found", message: "no such container: ümlaut" };
  const stream = await answer(agent, { [logRefusalHeader]: encodeURIComponent(JSON.stringify(refusal)) });
  stream.end();
  await expect(opening).rejects.toMatchObject(refusal);
});

test("the node is held back while nobody reads", async () => {
  const { swarm, agent, open } = await start();
  await using _ = swarm;
  const opening = open();
  const stream = await answer(agent);
  const log = await opening;
  const chunk = Buffer.alloc(64 * 1024, "x");
  const total = 32 * 1024 * 1024;
  let accepted = 0;
  const fill = () => {
    while (accepted < total && stream.write(chunk)) accepted += chunk.length;
  };
  stream.on("drain", fill);
  fill();
  // Heartbeats and other changes still get through on the same connection.
  await swarm.assign(n1, "t9");
  await agent.next("changes");
  agent.say({ type: "applied", revision: 1 });
  await expect.poll(() => swarm.dispatcher.appliedRevision(n1)).toBe(1);
  expect(accepted).toBeLessThan(4 * 1024 * 1024);
  let read = 0;
  for await (const part of log) {
    read += (part as Buffer).length;
    if (read >= total) break;
  }
  expect(read).toBeGreaterThanOrEqual(total);
});

test("who has had enough of a log makes the node stop sending it", async () => {
  const { swarm, agent, open } = await start();
  await using _ = swarm;
  for (const stop of ["abort", "destroy"]) {
    const controller = new AbortController();
    const opening = open(controller.signal);
    const stream = await answer(agent);
    stream.write("one\n");
    const log = await opening;
    const ended = closed(stream);
    if (stop === "abort") controller.abort();
    else log.destroy();
    await ended;
    expect(log.destroyed).toBe(true);
  }
});

test("who gives up before the node has answered makes it forget the request", async () => {
  const { swarm, agent, open } = await start();
  await using _ = swarm;
  const controller = new AbortController();
  const opening = open(controller.signal);
  const { id } = await agent.next("logs");
  controller.abort();
  await expect(opening).rejects.toThrow("aborted");
  expect(await agent.next("cancel-logs")).toEqual({ type: "cancel-logs", id });
  const late = agent.connection.request({ ":method": "POST", ":path": `/logs/${id}` });
  const status = await new Promise((resolve) => late.on("response", (headers) => resolve(headers[":status"])));
  expect(status).toBe(404);
});

test.each<[string, (agent: TestAgent, swarm: TestSwarm) => void]>([
  ["breaks its connection off", (agent) => agent.vanish()],
  ["closes its connection", (agent) => agent.connection.destroy()],
  ["is killed", (agent, swarm) => swarm.kill(agent.connection)],
])("a log breaks off when its node %s, also one that has not begun", async (_what, end) => {
  const { swarm, agent, open } = await start();
  await using _ = swarm;
  const opening = open();
  const stream = await answer(agent);
  stream.write("one\n");
  const log = await opening;
  const waiting = open();
  await agent.next("logs");
  const both = Promise.allSettled([text(log), waiting]);
  end(agent, swarm);
  expect(await both).toMatchObject([
    { reason: { code: "unavailable", message: "logs of task t1 broke off" } },
    { reason: { code: "unavailable", message: "node node-1 is not available" } },
  ]);
});

test("a node cannot answer for another", async () => {
  const { swarm, agent, open } = await start();
  await using _ = swarm;
  const other = await swarm.agent(n2);
  await other.next("assignments");
  const opening = open();
  const { id } = await agent.next("logs");
  const stolen = other.connection.request({ ":method": "POST", ":path": `/logs/${id}` });
  stolen.on("error", () => {});
  const status = await new Promise((resolve) => stolen.on("response", (headers) => resolve(headers[":status"])));
  expect(status).toBe(404);
  agent.connection.request({ ":method": "POST", ":path": `/logs/${id}` }).end("mine\n");
  expect(await text(await opening)).toBe("mine\n");
});
