import {
  type Node,
  type NodeId,
  type ServiceId,
  systemClock,
  type Task,
  type TaskId,
  type TaskState,
} from "@skep/model";
import { type ChangeSet, HistoryGone, MemoryStore } from "@skep/store";
import { expect, test } from "vitest";
import { someNode, someService, someTask } from "./test-objects.ts";
import { description, type SwarmOptions, type TestAgent, TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const n2 = "node-2" as NodeId;
const start = (options: SwarmOptions = {}) => TestSwarm.start({ nodes: [n1, n2], ...options });
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 5000, interval: 5 });

const report = (agent: TestAgent, taskId: string, state: TaskState, timestamp = "2026-01-01T00:00:01.000Z") =>
  agent.say({ type: "status", updates: [{ taskId: taskId as TaskId, status: { state, timestamp, message: state } }] });

/** Every list of changes the agent is sent, until `count` changes have come. */
async function changes(agent: TestAgent, count: number): Promise<string[]> {
  const seen: string[] = [];
  while (seen.length < count) {
    const { put, remove } = await agent.next("changes");
    seen.push(...put.map(({ task }) => `${task.id} ${task.desiredState}`), ...remove.map((id) => `${id} gone`));
  }
  return seen;
}

test("a node that says hello is ready, with its address and description", async () => {
  await using swarm = await start();
  const agent = await swarm.agent(n1);
  await agent.next("session");
  expect(swarm.node(n1)).toMatchObject({ status: { state: "ready", addr: "127.0.0.1" }, description });
});

test("a session begins with the node, the heartbeat period and the managers", async () => {
  const manager = { addr: "10.0.0.1:2377", leader: true, reachability: "reachable" } as const;
  await using swarm = await start({ cluster: { spec: {} } });
  await swarm.store.update((tx) =>
    tx.put("node", someNode("m1" as NodeId, { manager, spec: { Role: "manager", Availability: "active" } })),
  );
  const agent = await swarm.agent(n1);
  expect(await agent.next("session")).toEqual({
    type: "session",
    node: { id: n1, spec: { Labels: {}, Role: "worker", Availability: "active" } },
    heartbeatPeriodMs: 1000,
    managers: [{ nodeId: "m1", addr: "10.0.0.1:2377" }],
    dataPathPort: 4789,
  });
});

test("a manager's own agent is seen at its advertised address, not at the loopback", async () => {
  const manager = { addr: "10.0.0.1:2377", leader: true, reachability: "reachable" } as const;
  await using swarm = await start();
  await swarm.change("node", n1, (node: Node) => ({ ...node, manager }));
  await (await swarm.agent(n1)).next("session");
  expect(swarm.node(n1)?.status.addr).toBe("10.0.0.1");
});

test("a node gets all its assigned tasks, ended ones too, and nobody else's", async () => {
  await using swarm = await start();
  const ended = { state: "failed", timestamp: "2026-01-01T00:00:00Z", message: "" } as const;
  await swarm.assign(n1, "t1");
  await swarm.assign(n2, "t2");
  await swarm.store.update((tx) => {
    tx.put("task", someTask("t3" as TaskId, { nodeId: n1, status: ended, desiredState: "shutdown" }));
    tx.put("task", someTask("t4" as TaskId, { nodeId: n1, status: { ...ended, state: "pending" } }));
  });
  const { assignments, revision } = await (await swarm.agent(n1)).next("assignments");
  expect(assignments.map(({ task }) => task.id).sort()).toEqual(["t1", "t3"]);
  expect(revision).toBe(swarm.store.view().revision);
});

test("then it gets what changes for it, each with its revision", async () => {
  await using swarm = await start();
  await swarm.assign(n1, "t1");
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  await swarm.assign(n2, "other");
  await swarm.assign(n1, "t2");
  const { put, remove, revision } = await agent.next("changes");
  expect([put.map(({ task }) => task.id), remove, revision]).toEqual([["t2"], [], swarm.store.view().revision]);
  await swarm.change("task", "t1", (task: Task) => ({ ...task, desiredState: "shutdown" }));
  expect(await changes(agent, 1)).toEqual(["t1 shutdown"]);
  await swarm.store.update((tx) => tx.delete("task", "t1"));
  expect(await changes(agent, 1)).toEqual(["t1 gone"]);
});

test("changes that come together go out together, at most a hundred in one message", async () => {
  await using swarm = await start();
  const agent = await swarm.agent(n1);
  const { revision: before } = await agent.next("assignments");
  await swarm.assign(n1, ...Array.from({ length: 250 }, (_, i) => `t${i}`));
  const messages = [await agent.next("changes"), await agent.next("changes"), await agent.next("changes")];
  expect(messages.map(({ put }) => put.length)).toEqual([100, 100, 50]);
  const after = swarm.store.view().revision;
  expect(messages.map(({ revision }) => revision)).toEqual([before, before, after]);
});

test("the registry's credentials go with a task only while it may have to pull", async () => {
  await using swarm = await start();
  await swarm.store.update((tx) =>
    tx.put("service", someService("service-1" as ServiceId, { registryAuth: "c2VjcmV0" })),
  );
  await swarm.assign(n1, "t1", "t2");
  await swarm.change("task", "t2", (task: Task) => ({ ...task, desiredState: "shutdown" }));
  const { assignments } = await (await swarm.agent(n1)).next("assignments");
  expect(assignments.map(({ task, registryAuth }) => [task.id, registryAuth])).toEqual([
    ["t1", "c2VjcmV0"],
    ["t2", undefined],
  ]);
});

test("what a node reports of its tasks is stored and not sent back; of other nodes' tasks it is not", async () => {
  await using swarm = await start();
  await swarm.assign(n1, "t1");
  await swarm.assign(n2, "t2");
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  report(agent, "t2", "failed");
  report(agent, "t1", "running", "2026-01-01T00:00:07.000Z");
  await eventually(() => swarm.task("t1")?.status.state).toBe("running");
  expect(swarm.task("t1")?.status.timestamp).toBe("2026-01-01T00:00:07.000Z");
  expect(swarm.task("t2")?.status.state).toBe("assigned");
  await swarm.assign(n1, "t3");
  expect(await changes(agent, 1)).toEqual(["t3 running"]);
});

test("reports that come together are stored in one transaction", async () => {
  await using swarm = await start();
  const ids = Array.from({ length: 500 }, (_, i) => `t${i}`);
  await swarm.assign(n1, ...ids);
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  const before = swarm.store.view().revision;
  for (const id of ids) report(agent, id, "accepted");
  await eventually(() => ids.every((id) => swarm.task(id)?.status.state === "accepted")).toBe(true);
  expect(swarm.store.view().revision - before).toBeLessThan(50);
});

test("how far a node is with its assignments is known", async () => {
  await using swarm = await start();
  expect(swarm.dispatcher.progress(n1)).toBeUndefined();
  const agent = await swarm.agent(n1);
  const { revision } = await agent.next("assignments");
  expect(swarm.dispatcher.progress(n1)).toMatchObject({ sentRevision: revision, appliedRevision: 0 });
  agent.say({ type: "applied", revision });
  await eventually(() => swarm.dispatcher.appliedRevision(n1)).toBe(revision);
  agent.say({ type: "applied", revision: revision + 1000 });
  agent.say({ type: "applied", revision: 1 });
  report(agent, "none", "running");
  await swarm.assign(n1, "t1");
  await agent.next("changes");
  expect(swarm.dispatcher.appliedRevision(n1)).toBe(revision);
});

test("a changed description is stored", async () => {
  await using swarm = await start();
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  agent.say({ type: "description", description: { ...description, Hostname: "renamed" } });
  await eventually(() => swarm.node(n1)?.description?.Hostname).toBe("renamed");
});

test("coming back with nothing new writes nothing", async () => {
  await using swarm = await start();
  const first = await swarm.agent(n1);
  await first.next("assignments");
  const { revision } = swarm.store.view();
  await (await swarm.agent(n1)).next("assignments");
  expect(swarm.store.view().revision).toBe(revision);
});

test("a newer session of the same node takes the place of the older", async () => {
  await using swarm = await start();
  const older = await swarm.agent(n1);
  await older.next("assignments");
  const newer = await swarm.agent(n1);
  await newer.next("assignments");
  expect((await older.next("end")).reason).toBe("this node has opened a newer session");
  await older.closed;
  await swarm.assign(n1, "t1");
  expect(await changes(newer, 1)).toEqual(["t1 running"]);
});

test.each([
  ["{not json}\n", /^malformed message: .*JSON/],
  ['{"type":"hello"}\n', /^malformed message: description is no object$/],
  ['{"type":"heartbeat"}\n', /^malformed message: heartbeat out of turn$/],
  ["[]\n", /^malformed message: message is no object$/],
  [`${"x".repeat(4 * 1024 * 1024 + 1)}`, /^malformed message: a line of more than 4194304 bytes$/],
])("the session ends, and says why, after %.20s", async (line, reason) => {
  await using swarm = await start();
  const { TestAgent } = await import("./test-swarm.ts");
  const agent = new TestAgent(swarm.connect(await swarm.certificate(n1)));
  agent.stream.write(line);
  expect((await agent.next("end")).reason).toMatch(reason);
  await agent.closed;
  expect(swarm.node(n1)?.status.state).toBe("unknown");
});

test("an open session ends with a malformed line, and the node may come back", async () => {
  await using swarm = await start();
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  agent.stream.write(Buffer.from([0xff, 0xfe, 0x0a]));
  expect((await agent.next("end")).reason).toMatch(/^malformed message/);
  await agent.closed;
  await (await swarm.agent(n1)).next("assignments");
});

test("removing a node ends its session for good", async () => {
  await using swarm = await start();
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  await swarm.store.update((tx) => tx.delete("node", n1));
  expect((await agent.next("end")).reason).toBe("node node-1 was removed from the swarm");
  const [status] = await swarm.call("POST", "/session", {}, await swarm.certificate(n1));
  expect(status).toBe(403);
});

test("a node is told when its spec or the heartbeat period changes", async () => {
  await using swarm = await start();
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  await swarm.change("node", n1, (node: Node) => ({ ...node, spec: { ...node.spec, Labels: { zone: "a" } } }));
  expect((await agent.next("session")).node.spec.Labels).toEqual({ zone: "a" });
  const spec = { Dispatcher: { HeartbeatPeriod: 2_000_000_000 } };
  await swarm.change("cluster", "cluster-1", (cluster: object) => ({ ...cluster, spec }));
  expect((await agent.next("session")).heartbeatPeriodMs).toBe(2000);
});

test("a node whose certificate has another role than its spec is asked to renew it", async () => {
  await using swarm = await start();
  const { TestAgent } = await import("./test-swarm.ts");
  const agent = new TestAgent(swarm.connect(await swarm.certificate(n1, { role: "manager" })));
  agent.say({ type: "hello", description, appliedRevision: 0 });
  await agent.next("renew");
});

test("a node that does not read is sent the last state of each task once it does", async () => {
  await using swarm = await start();
  const ids = Array.from({ length: 300 }, (_, i) => `t${i}`);
  await swarm.assign(n1, ...ids);
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  agent.stream.pause();
  for (let round = 1; round <= 20; round++)
    await swarm.store.update((tx) => {
      for (const id of ids) {
        const task = tx.get("task", id);
        if (task) tx.put("task", { ...task, specVersion: round + 1 });
      }
    });
  await swarm.store.update((tx) => {
    for (const task of tx.find("task", "node", n1)) tx.put("task", { ...task, desiredState: "shutdown" });
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  agent.stream.resume();
  const last = new Map<string, string>();
  let messages = 0;
  while ([...last.values()].filter((state) => state === "shutdown").length < ids.length) {
    for (const { task } of (await agent.next("changes")).put) last.set(task.id, task.desiredState);
    messages++;
  }
  expect(messages).toBeLessThan(60);
});

test("when the store has lost the history everybody gets the full set again", async () => {
  const clock = systemClock;
  let loseHistory: () => void = () => {};
  class ForgetfulStore extends MemoryStore {
    override async *watch(revision: number, signal: AbortSignal): AsyncGenerator<ChangeSet> {
      const lost = new Promise<never>((_, reject) => {
        loseHistory = () => reject(new HistoryGone());
      });
      const inner = super.watch(revision, signal)[Symbol.asyncIterator]();
      for (;;) {
        const next = await Promise.race([inner.next(), lost]);
        if (next.done) return;
        yield next.value;
      }
    }
  }
  const store = new ForgetfulStore({ clock });
  await using swarm = await start({ store });
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  loseHistory();
  const { assignments } = await agent.next("assignments");
  expect(assignments).toEqual([]);
  await swarm.assign(n1, "t1");
  expect(await changes(agent, 1)).toEqual(["t1 running"]);
});

test("two hundred nodes come at once, and share one watch", { timeout: 60_000 }, async () => {
  class CountingStore extends MemoryStore {
    watches = 0;
    override watch(revision: number, signal: AbortSignal) {
      this.watches++;
      return super.watch(revision, signal);
    }
  }
  const store = new CountingStore({ clock: systemClock });
  const nodes = Array.from({ length: 200 }, (_, i) => `n${i}` as NodeId);
  await using swarm = await TestSwarm.start({ store, nodes });
  const agents = await Promise.all(nodes.map((id) => swarm.agent(id)));
  await Promise.all(agents.map((agent) => agent.next("assignments")));
  expect(nodes.every((id) => swarm.node(id)?.status.state === "ready")).toBe(true);
  await swarm.store.update((tx) => {
    for (const id of nodes) tx.put("task", someTask(`task-of-${id}` as TaskId, { nodeId: id }));
  });
  const got = await Promise.all(agents.map((agent) => changes(agent, 1)));
  expect(got).toEqual(nodes.map((id) => [`task-of-${id} running`]));
  expect(store.watches).toBe(1);
});
