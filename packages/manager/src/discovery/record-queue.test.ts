import type { EndpointRecord, EndpointState, NodeId, TaskId } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { type NetworkMessage, RecordQueue } from "./record-queue.ts";
import { overlayRecord } from "./records.ts";
import { network } from "./test-data.ts";

const endpoint = (id: string, nodeId = "other", state: EndpointState = "ready"): EndpointRecord => ({
  kind: "endpoint",
  id: id as TaskId,
  name: id,
  nodeId: nodeId as NodeId,
  state,
  networks: [],
  hostPorts: [],
});
const add = (queue: RecordQueue, revision: number, record: EndpointRecord) =>
  queue.add(revision, `endpoint/${record.id}`, record);
const show = (message: NetworkMessage | undefined) =>
  message &&
  `${message.revision}: ${[...message.put.map(({ id }) => id), ...message.remove.map((key) => `-${key}`)].join(" ")}`;
const all = (queue: RecordQueue) => {
  const shown = [];
  while (queue.size > 0) shown.push(show(queue.take()));
  return shown;
};

test("of several changes of one record only the last is sent", () => {
  const queue = new RecordQueue("n1" as NodeId, new FakeClock());
  for (let revision = 1; revision <= 100; revision++)
    add(queue, revision, endpoint("t1", "other", revision === 100 ? "draining" : "ready"));
  queue.add(101, "endpoint/t2", undefined);
  expect(queue.size).toBe(2);
  const message = queue.take();
  expect(show(message)).toBe("101: t1 -endpoint/t2");
  expect(message?.put).toEqual([endpoint("t1", "other", "draining")]);
  expect(queue.take()).toBeUndefined();
});

test("a revision is reached with the last of its messages", () => {
  const queue = new RecordQueue("n1" as NodeId, new FakeClock(), 2);
  queue.replaceAll(5, []);
  for (const id of ["a", "b", "c", "d", "e"]) add(queue, 9, endpoint(id));
  expect(all(queue)).toEqual(["5: a b", "5: c d", "9: e"]);
});

test("networks and the node's own endpoints go first, and nothing is taken from the node before what it gets", () => {
  const queue = new RecordQueue("n1" as NodeId, new FakeClock(), 2);
  queue.add(1, "endpoint/old", undefined);
  add(queue, 2, endpoint("other"));
  add(queue, 3, endpoint("own", "n1"));
  queue.add(4, "network/net", overlayRecord(network("net")));
  add(queue, 5, endpoint("own", "n1", "draining"));
  expect(all(queue)).toEqual(["0: own net", "5: other -endpoint/old"]);
});

test("an own endpoint that is gone waits behind those that come", () => {
  const queue = new RecordQueue("n1" as NodeId, new FakeClock(), 1);
  add(queue, 1, endpoint("first", "n1"));
  add(queue, 2, endpoint("second", "n1"));
  queue.add(3, "endpoint/first", undefined);
  expect(all(queue)).toEqual(["0: second", "3: -endpoint/first"]);
});

test("a full set takes the place of all that waits", () => {
  const queue = new RecordQueue("n1" as NodeId, new FakeClock());
  add(queue, 3, endpoint("t1"));
  expect(show(queue.replaceAll(4, [endpoint("t2")]))).toBe("4: t2");
  expect(queue.size).toBe(0);
});

test("it knows how long the oldest revision waits for its acknowledgement", () => {
  const clock = new FakeClock();
  const queue = new RecordQueue("n1" as NodeId, clock);
  const begin = clock.now();
  queue.replaceAll(1, []);
  clock.advance(10);
  for (let revision = 2; revision < 500; revision++) {
    add(queue, revision, endpoint("t1"));
    queue.take();
    clock.advance(1);
  }
  expect(queue.waitingSinceMs).toBe(begin);
  expect(queue.acknowledge(1)).toBe(1);
  expect(queue.waitingSinceMs).toBe(begin + 10);
  expect(queue.acknowledge(10_000)).toBe(499);
  expect(queue.waitingSinceMs).toBeUndefined();
});
