import { PassThrough, Readable } from "node:stream";
import { DomainError, type LogOptions, type Task, type TaskId } from "@skep/model";
import { beforeEach, expect, test } from "vitest";
import { type InProcessApi, inProcessApi, recorded } from "../../test/in-process-api.ts";
import { ids, putRecordedSwarm, taskOf } from "../../test/recorded-swarm.ts";
import { decodeFrames, encodeFrame, streamIds } from "../streams/docker-frames.ts";

let api: InProcessApi;
/** The options each task's log was asked for with. */
let asked: Map<string, LogOptions>;

beforeEach(async () => {
  api = inProcessApi();
  asked = new Map();
  await putRecordedSwarm(api.store);
  await put("t1", { slot: 1 });
  await put("t2", { slot: 2, nodeId: ids.manager });
});

async function put(id: string, fields: Partial<Task> = {}): Promise<void> {
  const shown = { ...recorded("objects").task, ID: id, ServiceID: ids.s1 };
  await api.store.update((tx) => tx.put("task", { ...taskOf(shown, "s1"), ...fields }));
}

const frame = (stream: keyof typeof streamIds, text: string) =>
  encodeFrame({ stream: streamIds[stream], payload: Buffer.from(text) });

/** Each task's log, by its id; an error stands for a node that is away. */
function logs(byTask: Readonly<Record<string, Readable | Error>>): void {
  api.taskLogs = async (task, options) => {
    asked.set(task.id, options);
    const log = byTask[task.id];
    if (log instanceof Error) throw log;
    return log ?? Readable.from([]);
  };
}

async function lines(body: Uint8Array): Promise<string[]> {
  const frames = await Array.fromAsync(decodeFrames(Readable.from([body])));
  return frames.map(({ stream, payload }) => `${stream}: ${payload}`).sort();
}

test("merges the logs of all tasks of a service, frame by frame", async () => {
  logs({
    t1: Readable.from([Buffer.concat([frame("stdout", "out 1\n"), frame("stderr", "err 1\n")])]),
    t2: Readable.from([frame("stdout", "out 2\n").subarray(0, 5), frame("stdout", "out 2\n").subarray(5)]),
  });
  const { status, headers, body } = await api.call("GET", "/services/s1/logs?stdout=1&stderr=1&tail=5&since=1.5");
  expect([status, headers]).toEqual([200, {}]);
  expect(await lines(body)).toEqual(["1: out 1\n", "1: out 2\n", "2: err 1\n"]);
  expect(asked.get("t1")).toEqual({
    ...{ stdout: true, stderr: true, follow: false, timestamps: false, details: false, tail: "5", since: "1.5" },
  });
});

test("names the content type from API 1.42 on", async () => {
  logs({});
  const { headers } = await api.call("GET", "/services/s1/logs?stdout=1", undefined, { apiVersion: "1.43" });
  expect(headers).toEqual({ "Content-Type": "application/vnd.docker.multiplexed-stream" });
});

test("puts where a line comes from behind its time and before the line", async () => {
  const source = `com.docker.swarm.node.id=${ids.worker},com.docker.swarm.service.id=${ids.s1},com.docker.swarm.task.id=t1`;
  logs({ t1: Readable.from([frame("stdout", "2026-11-23T07:23:39.4Z  out of it\n")]) });
  const { body } = await api.call("GET", "/services/s1/logs?stdout=1&timestamps=1&details=1");
  expect(await lines(body)).toEqual([`1: 2026-11-23T07:23:39.4Z ${source} out of it\n`]);
});

test("sorts the log driver's own details among ours, and does not let it forge them", async () => {
  const source = `com.docker.swarm.node.id=${ids.worker},com.docker.swarm.service.id=${ids.s1},com.docker.swarm.task.id=t1`;
  logs({ t1: Readable.from([frame("stdout", "zone=a%20b,arch=x,com.docker.swarm.task.id=forged line\n")]) });
  const { body } = await api.call("GET", "/tasks/t1/logs?stdout=1&details=1");
  expect(await lines(body)).toEqual([`1: arch=x,${source},zone=a%20b line\n`]);
});

test("says at the end which logs are missing, and fails for the CLI by the stream it says it on", async () => {
  logs({
    t1: Readable.from([frame("stdout", "out 1\n")]),
    t2: new DomainError("unavailable", `node ${ids.manager} is not available`),
  });
  await put("t3", { nodeId: "" as never, status: { state: "pending", timestamp: "", message: "" } });
  await api.store.update((tx) => {
    const { nodeId: _, ...task } = tx.get("task", "t3") as Task;
    tx.put("task", task);
  });
  const { body } = await api.call("GET", "/services/s1/logs?stdout=1");
  expect(await lines(body)).toEqual([
    "1: out 1\n",
    `3: Error grabbing logs: rpc error: code = Unknown desc = warning: incomplete log stream. some logs could not be retrieved for the following reasons: node ${ids.manager} is not available, task t3 has not been scheduled\n`,
  ]);
});

test("sends a TTY's bytes as they are", async () => {
  await api.store.update((tx) => {
    const service = tx.get("service", ids.s1);
    if (!service) throw new Error("no service s1");
    const task = { ...service.spec.TaskTemplate, ContainerSpec: { Image: "alpine", TTY: true } };
    tx.put("service", { ...service, spec: { ...service.spec, TaskTemplate: task } });
    for (const id of ["t1", "t2"]) tx.put("task", { ...(tx.get("task", id) as Task), spec: task });
  });
  logs({ t1: Readable.from([Buffer.from("tt"), Buffer.from("y\r\n")]) });
  const { body, headers } = await api.call("GET", "/services/s1/logs?stdout=1", undefined, { apiVersion: "1.42" });
  expect(String(body)).toBe("tty\r\n");
  expect(headers).toEqual({ "Content-Type": "application/vnd.docker.raw-stream" });
});

test("following, takes up tasks as they come, and ends when the client goes", async () => {
  const live = { t1: new PassThrough(), t2: new PassThrough(), t3: new PassThrough() };
  logs(live);
  const client = new AbortController();
  const seen = Promise.withResolvers<void>();
  const answer = api.call("GET", "/services/s1/logs?stdout=1&follow=1", undefined, {
    signal: client.signal,
    onWrite: (piece) => piece.includes("three") && seen.resolve(),
  });
  live.t1.write(frame("stdout", "one\n"));
  await put("t3", { slot: 3, status: { state: "assigned", timestamp: "", message: "" } });
  expect(asked.has("t3")).toBe(false);
  await api.store.update((tx) => {
    const task = tx.get("task", "t3") as Task;
    tx.put("task", { ...task, status: { ...task.status, state: "running", container: { id: "c3" } } });
  });
  live.t3.write(frame("stdout", "three\n"));
  await seen.promise;
  client.abort();
  for (const log of Object.values(live)) log.end();
  expect(await lines((await answer).body)).toEqual(["1: one\n", "1: three\n"]);
});

test("following ends by itself when the service is gone and its logs have ended", async () => {
  logs({});
  const answer = api.call("GET", "/services/s1/logs?stdout=1&follow=1");
  await api.call("DELETE", "/services/s1");
  expect((await answer).status).toBe(200);
});

test("following a task that has no container yet waits for it, and ends with its log", async () => {
  await put("t4", { status: { state: "assigned", timestamp: "", message: "" } });
  logs({ ["t4" as TaskId]: Readable.from([frame("stdout", "four\n")]) });
  const answer = api.call("GET", "/tasks/t4/logs?stdout=1&follow=1");
  await api.store.update((tx) => {
    const task = tx.get("task", "t4") as Task;
    tx.put("task", { ...task, status: { ...task.status, state: "running", container: { id: "c4" } } });
  });
  expect(await lines((await answer).body)).toEqual(["1: four\n"]);
});

test.for([
  ["tail=-1", "negative tail values not supported"],
  ["tail=x", 'tail value must be a positive integer or "all"'],
  ["since=yesterday", 'could not parse since timestamp: "yesterday" is not a number of seconds'],
])("refuses %s", async ([query, message]) => {
  const answer = await api.call("GET", `/services/s1/logs?stdout=1&${query}`);
  expect(answer).toMatchObject({ status: 400, body: { message } });
});
