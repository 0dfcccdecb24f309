import type { NetworkId, NodeId, TaskId } from "@skep/model";
import { settle } from "@skep/testkit";
import { expect, test } from "vitest";
import { inState, network, node, type SimulatedNode, service, TestRecords, task } from "./test-data.ts";

const net = "net" as NetworkId;
const n1 = "n1" as NodeId;
const n2 = "n2" as NodeId;

/** Three nodes, the networks `net` and `ingress`, and on `net` the task `t2` of n2. */
const start = (tasks = [task("t2", "n2", ["net"])]) =>
  TestRecords.of((tx) => {
    for (const index of [1, 2, 3]) tx.put("node", node(`n${index}`, index));
    tx.put("network", network("net"));
    tx.put("network", network("ingress", { Ingress: true }));
    for (const each of tasks) tx.put("task", each);
  });

/** The newest message, as what it puts and takes. */
const last = ({ messages }: SimulatedNode) => {
  const message = messages.at(-1);
  return [
    ...(message?.put ?? []).map(({ kind, id }) => `${kind}/${id}`),
    ...(message?.remove ?? []).map((key) => `-${key}`),
  ]
    .sort()
    .join(" ");
};
const forAll = "network/ingress network/net peer/n1 peer/n2 peer/n3";

/** Whether a promise has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  promise.then(
    () => {
      done = true;
    },
    () => {},
  );
  await settle();
  return done;
}

const never = new AbortController().signal;
const settled = (records: TestRecords, id: string, signal: AbortSignal = never) =>
  records.discovery.settled(id as TaskId, records.store.view().revision, signal);

test("a session begins with all networks and nodes, and what is on the node's own networks", async () => {
  await using records = await start();
  expect(records.connect("n1").keys).toBe(forAll);
  expect(records.connect("n2").keys).toBe(`endpoint/t2 ${forAll}`);
});

test("what is on the ingress network is told to everybody", async () => {
  await using records = await start([]);
  const [one, three] = [records.connect("n1"), records.connect("n3")];
  await records.write((tx) => {
    tx.put("service", service("web", ["ingress"]));
    tx.put("task", task("t1", "n1", ["ingress"]));
  });
  for (const session of [one, three]) {
    session.read();
    expect(last(session)).toBe("endpoint/t1 service/web");
  }
});

test("the first task of a node on a network comes with all that is there; with the last one all of it goes", async () => {
  await using records = await start();
  await records.write((tx) => tx.put("service", service("web", ["net"])));
  const one = records.connect("n1");
  await records.write((tx) => tx.put("task", task("t1", "n1", ["net"])));
  one.read();
  expect(last(one)).toBe("endpoint/t1 endpoint/t2 service/web");
  await records.setState("t1", "failed");
  one.read();
  expect([last(one), one.keys]).toEqual(["-endpoint/t1", forAll]);
});

test("a change is told to those on its network only, and not at all when it changes nothing for them", async () => {
  await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
  const [one, three] = [records.connect("n1"), records.connect("n3")];
  await records.setState("t2", "preparing");
  expect(one.read()).toBe(false);
  await records.setState("t2", "running");
  expect([one.read(), last(one), three.read()]).toEqual([true, "endpoint/t2", false]);
});

test("a node that comes back to a network before it knows that it left it misses nothing", async () => {
  await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
  const one = records.connect("n1");
  await records.setState("t1", "failed");
  await records.setState("t2", "failed");
  await records.write((tx) => tx.put("task", task("t3", "n1", ["net"])));
  one.read();
  expect(one.keys).toBe(`endpoint/t3 ${forAll}`);
});

test("a node that knows that it left a network is told no more of it", async () => {
  await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
  const one = records.connect("n1");
  await records.setState("t1", "failed");
  records.bring(one);
  await records.setState("t2", "running");
  expect(one.read()).toBe(false);
});

test("a new ingress network is told to everybody with all that is on it", async () => {
  await using records = await TestRecords.of((tx) => tx.put("node", node("n1", 1)));
  const one = records.connect("n1");
  await records.write((tx) => {
    tx.put("service", service("web", ["ingress"]));
    tx.put("network", network("ingress", { Ingress: true }));
  });
  one.read();
  expect(one.keys).toBe("network/ingress peer/n1 service/web");
});

test("after lost history every open session gets a full set", async () => {
  await using records = await start();
  const one = records.connect("n1");
  await records.store.update((tx) => tx.put("task", task("t1", "n1", ["net"])));
  records.loseHistory();
  expect([one.messages.at(-1)?.full, one.keys]).toEqual([true, `endpoint/t1 endpoint/t2 ${forAll}`]);
});

test("a task is settled when every node on its networks has acknowledged its record", async () => {
  await using records = await start([task("t1", "n1", ["net"])]);
  const [one, two, three] = [records.connect("n1"), records.connect("n2"), records.connect("n3")];
  for (const session of [one, two, three]) records.bring(session);
  await records.write((tx) => tx.put("task", task("t2", "n2", ["net"])));
  const waiting = settled(records, "t2");
  records.bring(one);
  expect(await isDone(waiting)).toBe(false);
  records.bring(two);
  expect(await isDone(waiting)).toBe(true);
});

test("what is acknowledged already is settled at once, and so is what nobody is told of", async () => {
  await using records = await start();
  records.bring(records.connect("n2"));
  await settled(records, "t2");
  await settled(records, "unknown");
});

test("a node that has come to the network since then is waited for too", async () => {
  await using records = await start();
  const [one, two] = [records.connect("n1"), records.connect("n2")];
  records.bring(one);
  records.bring(two);
  await records.write((tx) => tx.put("task", task("t1", "n1", ["net"])));
  records.bring(two);
  const waiting = settled(records, "t2");
  expect(await isDone(waiting)).toBe(false);
  records.bring(one);
  expect(await isDone(waiting)).toBe(true);
});

test("a node whose session has just broken is waited for until it is back", async () => {
  await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
  const [one, two] = [records.connect("n1"), records.connect("n2")];
  records.bring(one);
  records.bring(two);
  await records.setState("t2", "running");
  records.bring(two);
  records.discovery.close(one);
  const waiting = settled(records, "t2");
  expect(await isDone(waiting)).toBe(false);
  const back = records.connect("n1");
  expect(await isDone(waiting)).toBe(false);
  records.acknowledge(back);
  expect(await isDone(waiting)).toBe(true);
});

test.each([
  ["is down", (records: TestRecords) => records.setNode("n1", "down")],
  ["was removed", (records: TestRecords) => records.write((tx) => tx.delete("node", "n1"))],
])("a node that %s is not waited for", async (_, lose) => {
  await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
  const two = records.connect("n2");
  const waiting = settled(records, "t2");
  records.bring(two);
  expect(await isDone(waiting)).toBe(false);
  await lose(records);
  expect(await isDone(waiting)).toBe(true);
});

test("a node that has joined and never had a session is not waited for", async () => {
  await using records = await TestRecords.of((tx) => {
    const { description: _, ...unheard } = node("n1", 1, { status: { state: "unknown", addr: "" } });
    tx.put("node", unheard);
    tx.put("node", node("n2", 2));
    tx.put("network", network("ingress", { Ingress: true }));
    tx.put("task", task("t2", "n2", ["ingress"]));
  });
  records.bring(records.connect("n2"));
  await settled(records, "t2");
});

test("after a manager's restart nodes are waited for until they have said where they are", async () => {
  await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
  records.bring(records.connect("n1"));
  records.bring(records.connect("n2"));
  records.restart();
  await records.setNode("n1", "unknown");
  const waiting = settled(records, "t2");
  records.bring(records.connect("n2"));
  expect(await isDone(waiting)).toBe(false);
  records.bring(records.connect("n1"));
  expect(await isDone(waiting)).toBe(true);
});

test("changes of other networks keep nobody waiting", async () => {
  await using records = await start();
  await records.write((tx) => {
    tx.put("network", network("db"));
    tx.put("task", task("t3", "n2", ["db"]));
    tx.put("task", task("t4", "n1", ["db"]));
  });
  const [one, two] = [records.connect("n1"), records.connect("n2")];
  records.bring(one);
  records.bring(two);
  await records.setState("t4", "running");
  await settled(records, "t2");
  expect(records.discovery.acknowledged(n2, net, records.discovery.revision)).toBe(true);
  expect(records.discovery.acknowledged(n2, "db" as NetworkId, records.discovery.revision)).toBe(false);
});

test("who gives up waiting is told its own reason", async () => {
  await using records = await start();
  const controller = new AbortController();
  const waiting = settled(records, "t2", controller.signal);
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(settled(records, "t2", controller.signal)).rejects.toThrow("enough");
});

test("a call for a revision that is not followed yet waits for it", async () => {
  await using records = await start();
  records.bring(records.connect("n2"));
  const { revision } = records.discovery;
  expect(records.discovery.acknowledged(n2, net, revision)).toBe(true);
  expect(records.discovery.acknowledged(n2, net, revision + 1)).toBe(false);
  const waiting = records.discovery.settled("t2" as TaskId, revision + 1, never);
  expect(await isDone(waiting)).toBe(false);
  await records.write((tx) => tx.put("network", network("db")));
  expect(await isDone(waiting)).toBe(true);
});

test("an address may be used again when every node that had the network knows of its release", async () => {
  await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
  const sessions = [records.connect("n1"), records.connect("n2"), records.connect("n3")] as const;
  for (const session of sessions) records.bring(session);
  await records.setState("t1", "failed");
  const waiting = records.discovery.whenAcknowledged(net, records.discovery.revision, never);
  records.bring(sessions[1]);
  expect(await isDone(waiting)).toBe(false);
  records.bring(sessions[0]);
  expect(await isDone(waiting)).toBe(true);
});

test("a node that is down keeps addresses from being used again until it is back, removed or given up", async () => {
  for (const end of ["back", "removed", "given up"]) {
    await using records = await start([task("t1", "n1", ["net"]), task("t2", "n2", ["net"])]);
    const sessions = [records.connect("n1"), records.connect("n2"), records.connect("n3")] as const;
    for (const session of sessions) records.bring(session);
    records.discovery.close(sessions[0]);
    await records.setNode("n1", "down");
    await records.setState("t1", "failed");
    const waiting = records.discovery.whenAcknowledged(net, records.discovery.revision, never);
    records.bring(sessions[1]);
    expect(await isDone(waiting)).toBe(false);
    if (end === "back") records.bring(records.connect("n1"));
    else if (end === "removed") await records.write((tx) => tx.delete("node", "n1"));
    else records.discovery.giveUp(n1);
    expect(await isDone(waiting)).toBe(true);
  }
});

test("after a manager's restart nodes that have not come yet may still have the address, unless they are down", async () => {
  await using records = await start([task("t1", "n1", ["net"])]);
  records.restart();
  await records.setState("t1", "failed");
  const waiting = records.discovery.whenAcknowledged(net, records.discovery.revision, never);
  records.bring(records.connect("n1"));
  records.bring(records.connect("n2"));
  expect(await isDone(waiting)).toBe(false);
  await records.setNode("n3", "down");
  expect(await isDone(waiting)).toBe(true);
});

test("how far nodes and networks are is shown with the time it takes", async () => {
  await using records = await start();
  const two = records.connect("n2");
  const first = records.discovery.revision;
  records.discovery.acknowledge(two, first, [{ subject: "port tcp/80", message: "taken by nginx" }]);
  await records.setState("t2", "running");
  two.read();
  records.clock.advance(70);
  const n2Now = {
    nodeId: "n2",
    hostname: "n2",
    state: "ready",
    connected: true,
    sentRevision: first + 1,
    acknowledgedRevision: first,
    lagMs: 70,
    problems: [{ subject: "port tcp/80", message: "taken by nginx" }],
  };
  const { revision, nodes, networks } = records.discovery.progress();
  expect(revision).toBe(first + 1);
  expect(nodes.find(({ nodeId }) => nodeId === n2)).toEqual(n2Now);
  expect(nodes.find(({ nodeId }) => nodeId === n1)).toMatchObject({ connected: false, sentRevision: 0, lagMs: 0 });
  expect(networks.find(({ networkId }) => networkId === net)).toEqual({
    networkId: "net",
    name: "net",
    revision: first + 1,
    nodes: [{ ...n2Now, upToDate: false }],
  });
  const ingress = networks
    .find(({ name }) => name === "ingress")
    ?.nodes.map(({ nodeId, upToDate }) => `${nodeId} ${upToDate}`);
  expect(ingress).toEqual(["n1 false", "n2 true", "n3 false"]);
});

test("a change costs nothing on nodes that it does not concern", async () => {
  const nodes = Array.from({ length: 2000 }, (_, i) => `n${i}`);
  await using records = await TestRecords.of((tx) => {
    tx.put("network", network("net"));
    for (const [i, id] of nodes.entries()) tx.put("node", node(id, i + 1));
    for (const id of nodes.slice(0, 10)) tx.put("task", task(`of-${id}`, id, ["net"]));
  });
  const sessions = nodes.map((id) => records.connect(id));
  await records.edit("of-n0", (found) => inState(found, "running"));
  expect(sessions.filter(({ records: { size } }) => size > 0).map(({ nodeId }) => nodeId)).toEqual(nodes.slice(0, 10));
});
