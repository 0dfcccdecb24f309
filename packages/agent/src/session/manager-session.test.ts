import type { NodeId, TaskId, TaskState } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import type { SessionHandlers } from "./session-handlers.ts";
import { FakeManager, type RunOptions, runSession, Wire } from "./test-session.ts";
import { assignedTask, TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 5000, interval: 5 });
const update = (id: string, state: TaskState) => ({
  taskId: id as TaskId,
  status: { state, timestamp: "2026-01-01T00:00:01.000Z", message: state },
});
const run = (managers: readonly string[], options: Partial<RunOptions> = {}) =>
  runSession({ nodeId: n1, managers, ...options });

test("a node gets its full set, then what changes, and says how far it is", async () => {
  await using swarm = await TestSwarm.start(n1);
  await swarm.assign(n1, "t1");
  await using agent = await run([swarm.addr]);
  await eventually(() => agent.told).toEqual(["session of node-1", "all: t1"]);
  expect(swarm.node(n1)?.status.state).toBe("ready");
  await swarm.store.update((tx) => {
    tx.put("task", assignedTask("t2", n1));
    tx.delete("task", "t1");
  });
  await eventually(() => agent.told.at(-1)).toBe("put: t2, remove: t1");
  await eventually(() => swarm.dispatcher.appliedRevision(n1)).toBe(swarm.store.view().revision);
});

test("assignments are taken over one after the other, and one that fails does not count as applied", async () => {
  await using swarm = await TestSwarm.start(n1);
  const order: string[] = [];
  const finish: PromiseWithResolvers<void>[] = [];
  const carryOut = (what: string) => {
    order.push(`${what} begins`);
    const done = Promise.withResolvers<void>();
    finish.push(done);
    return done.promise.finally(() => order.push(`${what} ends`));
  };
  const handlers: Partial<SessionHandlers> = {
    assignments: () => carryOut("all"),
    changes: ([assignment]) => carryOut(assignment?.task.id ?? ""),
  };
  await using _ = await run([swarm.addr], { handlers });
  await eventually(() => order).toEqual(["all begins"]);
  await swarm.assign(n1, "t1");
  await eventually(() => swarm.dispatcher.progress(n1)?.sentRevision).toBe(swarm.store.view().revision);
  expect(order).toEqual(["all begins"]);
  finish[0]?.reject(new Error("no"));
  await eventually(() => order).toEqual(["all begins", "all ends", "t1 begins"]);
  expect(swarm.dispatcher.appliedRevision(n1)).toBe(0);
  finish[1]?.resolve();
  await eventually(() => swarm.dispatcher.appliedRevision(n1)).toBe(swarm.store.view().revision);
});

test("what a node reports is stored; while the manager is away it waits, the last of each task", async () => {
  await using swarm = await TestSwarm.start(n1);
  await swarm.assign(n1, "t1");
  await using agent = await run([swarm.addr]);
  await eventually(agent.states).toEqual(["connected"]);
  agent.session.reportStatus([update("t1", "accepted")]);
  await eventually(() => swarm.task("t1")?.status.state).toBe("accepted");
  await swarm.stop();
  await eventually(agent.states).toEqual(["connected", "disconnected"]);
  agent.session.reportStatus([update("t1", "starting")]);
  agent.session.reportStatus([update("t1", "running")]);
  await swarm.listen();
  await eventually(() => swarm.task("t1")?.status.state).toBe("running");
  expect(agent.told.filter((line) => line === "all: t1")).toHaveLength(2);
});

test("a status that the manager had not stored before it stopped is told again", async () => {
  await using manager = await FakeManager.start();
  await using agent = await run([manager.addr]);
  const heardStatuses = () => manager.heard.flatMap((message) => (message.type === "status" ? message.updates : []));
  await eventually(() => manager.sessions).toBe(1);
  manager.greet(60_000);
  await eventually(agent.states).toEqual(["connected"]);
  agent.session.reportStatus([update("t1", "running")]);
  await eventually(() => heardStatuses().length).toBe(1);
  manager.drop();
  await eventually(() => manager.sessions).toBe(2);
  manager.greet(60_000);
  manager.say({ type: "assignments", revision: 7, assignments: [{ task: assignedTask("t1", n1) }] });
  await eventually(() => heardStatuses().length).toBe(2);
  expect(heardStatuses()[1]).toEqual(heardStatuses()[0]);
});

test("a changed description is told at once", async () => {
  await using swarm = await TestSwarm.start(n1);
  await using agent = await run([swarm.addr]);
  await eventually(agent.states).toEqual(["connected"]);
  const described = swarm.node(n1)?.description;
  if (described) agent.session.updateDescription({ ...described, Hostname: "renamed" });
  await eventually(() => swarm.node(n1)?.description?.Hostname).toBe("renamed");
});

test("a manager that does not answer is passed over for the next", async () => {
  await using swarm = await TestSwarm.start(n1);
  await using agent = await run(["127.0.0.1:1", swarm.addr]);
  await eventually(agent.states).toEqual(["disconnected", "connected"]);
});

test("a node that was removed is told so, and says so", async () => {
  await using swarm = await TestSwarm.start(n1);
  await using agent = await run([swarm.addr]);
  await eventually(agent.states).toEqual(["connected"]);
  await swarm.store.update((tx) => tx.delete("node", n1));
  await eventually(agent.states).toEqual(["connected", "disconnected", "rejected"]);
  expect(agent.lastReason()).toEqual({ state: "rejected", reason: "node node-1 was removed from the swarm" });
});

test("a manager that falls silent without closing the connection is noticed, and found again", async () => {
  await using swarm = await TestSwarm.start(n1);
  await using wire = await Wire.to(swarm.addr);
  const clock = new FakeClock();
  await using agent = await run([wire.addr], { clock });
  await eventually(agent.states).toEqual(["connected"]);
  // The first heartbeat is due after one period, its answer three later.
  wire.cut();
  await clock.advanceAsync(239_000);
  expect(agent.states()).toEqual(["connected"]);
  await clock.advanceAsync(1000);
  await eventually(agent.states).toEqual(["connected", "disconnected"]);
  expect(agent.lastReason()).toMatchObject({ reason: "the manager does not answer" });
  await clock.advanceAsync(100);
  await eventually(agent.states).toEqual(["connected", "disconnected", "connected"]);
});

test("heartbeats come at the manager's period, ten per cent earlier or later by chance", async () => {
  await using manager = await FakeManager.start();
  const clock = new FakeClock();
  let random = 0;
  await using _ = await run([manager.addr], { clock, random: () => random });
  await eventually(() => manager.sessions).toBe(1);
  manager.greet(2000);
  await eventually(() => clock.nextInMs).toBe(1800);
  random = 1;
  const heartbeats = () => manager.heard.filter(({ type }) => type === "heartbeat").length;
  clock.advance(1800);
  await eventually(heartbeats).toBe(1);
  expect(clock.nextInMs).toBe(2200);
});

test.each([
  ["{nonsense\n", /^malformed message/],
  [`${JSON.stringify({ type: "end", reason: "this manager is stopping" })}\n`, /^this manager is stopping$/],
])("after %j from the manager the session ends, and a new one is opened", async (line, reason) => {
  await using manager = await FakeManager.start();
  await using agent = await run([manager.addr]);
  await eventually(() => manager.sessions).toBe(1);
  manager.greet(60_000);
  manager.say(line);
  await eventually(agent.states).toEqual(["connected", "disconnected"]);
  expect(agent.lastReason()).toMatchObject({ reason: expect.stringMatching(reason) });
  await eventually(() => manager.sessions).toBe(2);
});

test("messages of a newer version are passed over, and a wish to renew is passed on", async () => {
  await using manager = await FakeManager.start();
  await using agent = await run([manager.addr]);
  await eventually(() => manager.sessions).toBe(1);
  manager.greet(60_000);
  manager.say(`${JSON.stringify({ type: "from-the-future" })}\n`);
  manager.say({ type: "renew" });
  await eventually(() => agent.told).toEqual(["session of node-1", "renew"]);
});

test("stopped, it ends at once and leaves no timer, connected or not", async () => {
  await using swarm = await TestSwarm.start(n1);
  for (const managers of [[swarm.addr], ["127.0.0.1:1"]]) {
    const clock = new FakeClock();
    const agent = await run(managers, { clock });
    await eventually(() => agent.states().length).toBe(1);
    await agent.stop();
    expect(clock.pending).toBe(0);
  }
});
