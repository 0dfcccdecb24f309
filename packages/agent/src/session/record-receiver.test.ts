import { type NetworkProblem, type NodeId, silentLogger } from "@skep/model";
import { FakeClock, settle } from "@skep/testkit";
import { expect, test } from "vitest";
import { RecordReceiver } from "./record-receiver.ts";

/** A receiver whose kernel does what the test says, and what it tells the manager. */
function start() {
  const clock = new FakeClock();
  const told: string[] = [];
  const kernel: PromiseWithResolvers<readonly NetworkProblem[]>[] = [];
  const receiver = new RecordReceiver({
    nodeId: () => "node-1" as NodeId,
    takeOver: ({ revision }) => {
      told.push(`taken over ${revision}`);
      const work = Promise.withResolvers<readonly NetworkProblem[]>();
      kernel.push(work);
      return work.promise;
    },
    applied: (revision, problems) => told.push(`applied ${revision}, ${problems.length} problems`),
    startOver: (reason) => told.push(reason),
    clock,
    logger: silentLogger,
  });
  const receive = (revision: number, full = false) =>
    receiver.receive({ type: "network", revision, full, put: [], remove: [] });
  return { clock, told, kernel, receiver, receive };
}

test("records are taken over when they come, and told of when the kernel has them", async () => {
  const { told, kernel, receive } = start();
  receive(1, true);
  receive(2);
  expect(told).toEqual(["taken over 1", "taken over 2"]);
  kernel[0]?.resolve([]);
  await settle();
  kernel[1]?.resolve([{ subject: "network web", message: "no such device" }]);
  await settle();
  expect(told.slice(2)).toEqual(["applied 1, 0 problems", "applied 2, 1 problems"]);
});

test("of what the kernel got in one go only the newest is told", async () => {
  const { told, kernel, receive } = start();
  for (let revision = 1; revision <= 20; revision++) receive(revision, revision === 1);
  for (const work of kernel) work.resolve([]);
  await settle();
  expect(told.slice(20)).toEqual(["applied 20, 0 problems"]);
});

test("after a fault nothing counts until a full set has come, which is asked for", async () => {
  const { clock, told, kernel, receive } = start();
  receive(1, true);
  receive(2);
  receive(3);
  kernel[1]?.reject(new Error("fault"));
  await settle();
  kernel[2]?.resolve([]);
  await settle();
  expect(told.slice(3)).toEqual([]);
  clock.advance(5000);
  expect(told.slice(3)).toEqual(["network records could not be taken over"]);
  receive(4, true);
  kernel[3]?.resolve([]);
  await settle();
  expect(told.slice(4)).toEqual(["taken over 4", "applied 4, 0 problems"]);
});

test("a fault before the full set that has come meanwhile is no matter; closed, it asks for nothing", async () => {
  const { clock, told, kernel, receive, receiver } = start();
  receive(1, true);
  receive(2, true);
  kernel[0]?.reject(new Error("fault"));
  kernel[1]?.resolve([]);
  await settle();
  expect([told.at(-1), clock.pending]).toEqual(["applied 2, 0 problems", 0]);
  receive(3);
  kernel[2]?.reject(new Error("fault"));
  await settle();
  expect(clock.pending).toBe(1);
  receiver.close();
  expect(clock.pending).toBe(0);
});

test("problems that come and go without new records are told with the revision that the kernel has", async () => {
  const { told, kernel, receiver, receive } = start();
  receiver.problemsChanged([{ subject: "leg", message: "narrow" }]); // nothing acknowledged yet
  receive(1, true);
  kernel[0]?.resolve([]);
  await settle();
  receiver.problemsChanged([{ subject: "leg", message: "narrow" }]);
  await settle();
  receive(5, true);
  receiver.problemsChanged([]); // of an earlier set
  await settle();
  expect(told).toEqual(["taken over 1", "applied 1, 0 problems", "applied 1, 1 problems", "taken over 5"]);
});
