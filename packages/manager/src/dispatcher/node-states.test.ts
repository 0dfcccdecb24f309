import type { NodeId } from "@skep/model";
import { MemoryStore } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { someNode } from "./test-objects.ts";
import { type SwarmOptions, TestSwarm } from "./test-swarm.ts";

const n1 = "node-1" as NodeId;
const n2 = "node-2" as NodeId;
const start = (options: SwarmOptions) => TestSwarm.start({ nodes: [n1, n2], ...options });
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 5000, interval: 5 });

test("a node is down after three missed heartbeats, and ready again when it comes back", async () => {
  const clock = new FakeClock();
  await using swarm = await start({ clock });
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  clock.advance(2999);
  expect(swarm.node(n1)?.status.state).toBe("ready");
  clock.advance(1);
  expect((await agent.next("end")).reason).toBe("heartbeat failure");
  await eventually(() => swarm.node(n1)?.status).toEqual({
    state: "down",
    message: "heartbeat failure",
    addr: "127.0.0.1",
    since: "2026-01-01T00:00:03.000Z",
  });
  await (await swarm.agent(n1)).next("assignments");
  expect(swarm.node(n1)?.status).toEqual({ state: "ready", addr: "127.0.0.1", since: "2026-01-01T00:00:03.000Z" });
});

test("a heartbeat keeps a node ready; a broken connection alone does not make it down", async () => {
  const clock = new FakeClock();
  await using swarm = await start({ clock });
  const agent = await swarm.agent(n1);
  await agent.next("assignments");
  clock.advance(2500);
  agent.say({ type: "heartbeat" });
  // Its answer shows that the heartbeat has been read.
  await swarm.assign(n1, "t1");
  agent.say({ type: "applied", revision: 1 });
  await eventually(() => swarm.dispatcher.appliedRevision(n1)).toBe(1);
  agent.vanish();
  await eventually(() => swarm.dispatcher.progress(n1)).toBeUndefined();
  clock.advance(2900);
  await swarm.store.update(() => {});
  expect(swarm.node(n1)?.status.state).toBe("ready");
  clock.advance(100);
  await eventually(() => swarm.node(n1)?.status.state).toBe("down");
});

test("after a restart of the manager nodes are unknown, and have twice as long to come back", async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  {
    await using before = await start({ clock, store });
    await (await before.agent(n1)).next("assignments");
    await (await before.agent(n2)).next("assignments");
  }
  await using swarm = await start({ clock, store });
  expect([swarm.node(n1)?.status.state, swarm.node(n2)?.status.state]).toEqual(["unknown", "unknown"]);
  clock.advance(5999);
  await (await swarm.agent(n1)).next("assignments");
  expect([swarm.node(n1)?.status.state, swarm.node(n2)?.status.state]).toEqual(["ready", "unknown"]);
  clock.advance(1);
  await eventually(() => swarm.node(n2)?.status.state).toBe("down");
  expect(swarm.node(n1)?.status.state).toBe("ready");
});

test("a node that joined and never came is down in the end", async () => {
  const clock = new FakeClock();
  await using swarm = await start({ clock });
  await swarm.store.update((tx) => tx.put("node", someNode("n3" as NodeId)));
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(6250);
  await eventually(() => swarm.node("n3" as NodeId)?.status.state).toBe("down");
});

test("the tasks of a node that is down for a day are given up, also across a restart", async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const hourMs = 3600e3;
  {
    await using before = await start({ clock, store });
    await before.assign(n1, "t1");
    const agent = await before.agent(n1);
    await agent.next("assignments");
    clock.advance(3000);
    await eventually(() => before.node(n1)?.status.state).toBe("down");
    clock.advance(20 * hourMs);
  }
  await using swarm = await start({ clock, store });
  clock.advance(4 * hourMs - 1);
  expect(swarm.task("t1")?.status.state).toBe("assigned");
  clock.advance(1);
  await eventually(() => swarm.task("t1")?.status.state).toBe("orphaned");
});
