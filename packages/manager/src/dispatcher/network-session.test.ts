import type { ManagerMessage, NetworkId, NodeId, Task } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { inState, network, node, task } from "../discovery/test-data.ts";
import { description, type TestAgent, TestSwarm } from "./test-swarm.ts";

const n1 = "n1" as NodeId;
const n2 = "n2" as NodeId;
type NetworkMessage = Extract<ManagerMessage, { type: "network" }>;
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 5000, interval: 5 });

/** Two nodes and the attachable network `net`. */
async function start(options: Parameters<typeof TestSwarm.start>[0] = {}): Promise<TestSwarm> {
  const swarm = await TestSwarm.start(options);
  await swarm.store.update((tx) => {
    tx.put("node", node("n1", 1, { description }));
    tx.put("node", node("n2", 2, { description }));
    tx.put("network", network("net", { Attachable: true }));
  });
  return swarm;
}

const put = (swarm: TestSwarm, ...tasks: readonly Task[]) =>
  swarm.store.update((tx) => {
    for (const each of tasks) tx.put("task", { ...each, version: tx.get("task", each.id)?.version ?? 0 });
  });

/** A node that has taken over its full set, but acknowledged nothing. */
async function join(swarm: TestSwarm, nodeId: NodeId): Promise<TestAgent> {
  const agent = await swarm.agent(nodeId);
  await agent.next("assignments");
  return agent;
}

/** Acknowledges the next message about networks. */
async function acknowledge(agent: TestAgent): Promise<NetworkMessage> {
  const message = await agent.next("network");
  agent.say({ type: "network-applied", revision: message.revision, problems: [] });
  return message;
}

const ask = async (swarm: TestSwarm, nodeId: NodeId, path: string, body: unknown) =>
  swarm.call("POST", path, body, await swarm.certificate(nodeId));

test("a session's records come before its assignments, both of the same revision", async () => {
  await using swarm = await start();
  await put(swarm, task("t1", "n1", ["net"]));
  const agent = await swarm.agent(n1);
  const records = await agent.next("network");
  const { revision } = await agent.next("assignments");
  expect([records.full, records.revision]).toEqual([true, revision]);
  expect(records.put.map(({ kind, id }) => `${kind}/${id}`)).toEqual([
    "network/net",
    "peer/n1",
    "peer/n2",
    "endpoint/t1",
  ]);
});

test("a task comes after the network and the endpoints it needs", async () => {
  await using swarm = await start();
  await put(swarm, task("t2", "n2", ["net"]));
  const agent = await join(swarm, n1);
  await swarm.store.update((tx) => {
    tx.put("network", network("db"));
    tx.put("task", task("t1", "n1", ["net", "db"]));
  });
  const records = await agent.next("network");
  const { put: tasks, revision } = await agent.next("changes");
  expect(records.put.map(({ id }) => id)).toEqual(["db", "t1", "t2"]);
  expect([records.revision, tasks.map((assignment) => assignment.task.id)]).toEqual([revision, ["t1"]]);
});

test("a node that does not read is sent the last of each record once it does, and tasks only then", async () => {
  await using swarm = await start();
  const ids = Array.from({ length: 300 }, (_, i) => `t${i}`);
  await put(swarm, task("mine", "n1", ["net"]), ...ids.map((id) => task(id, "n2", ["net"])));
  const agent = await join(swarm, n1);
  agent.stream.pause();
  for (let round = 1; round <= 20; round++) {
    const aliases = [`${round}${"x".repeat(2000)}`];
    const networks = [{ networkId: "net" as NetworkId, address: `10.0.1.${round}/24`, aliases }];
    await put(
      swarm,
      ...ids.map((id) => inState(task(id, "n2", [], { networks, spec: { Runtime: "attachment" } }), "running")),
    );
  }
  await put(swarm, task("last", "n1", ["net"]));
  await new Promise((resolve) => setTimeout(resolve, 50));
  agent.stream.resume();
  const last = new Map<string, string>();
  let messages = 0;
  let message = await agent.next("network", "changes");
  for (; message.type === "network"; messages++) {
    for (const record of message.put)
      if (record.kind === "endpoint") last.set(record.id, record.networks[0]?.address ?? "");
    message = await agent.next("network", "changes");
  }
  expect(message.put.map((assignment) => assignment.task.id)).toEqual(["last"]);
  expect(ids.filter((id) => last.get(id) !== "10.0.1.20/24")).toEqual([]);
  expect(messages).toBeLessThan(60);
});

test("a container's start waits until its endpoint is known everywhere", async () => {
  await using swarm = await start();
  await put(swarm, task("t1", "n1", ["net"]));
  const one = await swarm.agent(n1);
  await acknowledge(one);
  const two = await swarm.agent(n2);
  await acknowledge(two);
  await put(swarm, task("t2", "n2", ["net"]));
  await acknowledge(two);
  let answer: unknown;
  const asked = ask(swarm, n2, "/settle", { taskId: "t2", withdraw: false }).then((result) => {
    answer = result;
  });
  const { put: records } = await one.next("network");
  expect(records.map(({ id }) => id)).toEqual(["t2"]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(answer).toBeUndefined();
  one.say({ type: "network-applied", revision: swarm.store.view().revision, problems: [] });
  await asked;
  expect(answer).toEqual([200, {}]);
});

test("a task is taken out of service before its stop signal, and every balancer knows", async () => {
  await using swarm = await start();
  await put(swarm, inState(task("t1", "n1", ["net"]), "running"), task("t2", "n2", ["net"]));
  const [one, two] = [await swarm.agent(n1), await swarm.agent(n2)];
  await acknowledge(one);
  await acknowledge(two);
  const asked = ask(swarm, n1, "/settle", { taskId: "t1", withdraw: true });
  for (const agent of [one, two])
    expect((await acknowledge(agent)).put).toMatchObject([{ kind: "endpoint", id: "t1", state: "draining" }]);
  expect(await asked).toEqual([200, {}]);
  expect(swarm.task("t1")?.withdrawn).toBe(true);
  const { revision } = swarm.store.view();
  expect(await ask(swarm, n1, "/settle", { taskId: "t1", withdraw: true })).toEqual([200, {}]);
  expect(swarm.store.view().revision).toBe(revision);
});

test("a node asks for its own tasks only, with a certificate, and in good form", async () => {
  await using swarm = await start();
  await put(swarm, task("t1", "n1", ["net"]));
  const refusal = async (path: string, body: unknown) => {
    const [status, { message }] = await ask(swarm, n2, path, body);
    return `${status} ${message}`;
  };
  expect(await refusal("/settle", { taskId: "t1", withdraw: true })).toBe("403 task t1 is not one of node n2");
  expect(await refusal("/detach", { taskId: "t1" })).toBe("403 task t1 is not one of node n2");
  expect(await refusal("/settle", { taskId: "t1" })).toBe("400 malformed request: withdraw is no flag");
  expect(await refusal("/detach", {})).toBe("400 malformed request: taskId is no text");
  const attach = {
    network: "net",
    containerId: "c1",
    containerName: "x",
    aliases: [],
    hostPorts: [{ protocol: "ip" }],
  };
  expect(await refusal("/attach", attach)).toBe("400 malformed request: protocol is no protocol");
  for (const path of ["/settle", "/attach", "/detach"]) expect((await swarm.call("POST", path, {}))[0]).toBe(401);
  expect(await ask(swarm, n2, "/settle", { taskId: "gone", withdraw: true })).toEqual([200, {}]);
  expect(await ask(swarm, n2, "/detach", { taskId: "gone" })).toEqual([200, {}]);
  expect(swarm.task("t1")?.withdrawn).toBeUndefined();
});

test("a container attached by hand is an endpoint of its node, and no task of its agent", async () => {
  await using swarm = await start();
  const agent = await join(swarm, n1);
  const request = { network: "net", containerId: "c1", containerName: "adhoc", aliases: ["me"], hostPorts: [] };
  const [status, attached] = await ask(swarm, n1, "/attach", request);
  expect(status).toBe(200);
  const { put: records } = await agent.next("network");
  expect(records).toMatchObject([
    { kind: "endpoint", id: attached.id, name: "adhoc", nodeId: "n1", containerId: "c1" },
  ]);
  expect(await ask(swarm, n1, "/detach", { taskId: attached.id })).toEqual([200, {}]);
  expect((await agent.next("network")).remove).toEqual([`endpoint/${attached.id}`]);
  await swarm.assign(n1, "next");
  expect((await agent.next("changes")).put.map((assignment) => assignment.task.id)).toEqual(["next"]);
});

test("who waits when the manager stops is not answered, and asks the next one", async () => {
  const swarm = await start();
  await put(swarm, task("t1", "n1", ["net"]));
  const certificate = await swarm.certificate(n1);
  const connection = swarm.connect(certificate);
  const stream = connection.request({ ":method": "POST", ":path": "/settle" });
  stream.end(JSON.stringify({ taskId: "t1", withdraw: false }));
  const ended = new Promise((resolve) => stream.on("close", resolve));
  stream.on("error", () => {});
  let status: number | undefined;
  stream.on("response", (headers) => {
    status = headers[":status"];
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  await swarm[Symbol.asyncDispose]();
  await ended;
  expect([undefined, 503]).toContain(status);
});

test("ports are asked for on every node with a session; who does not answer in time is left out", async () => {
  const clock = new FakeClock();
  await using swarm = await start({ clock });
  const [one, two] = [await join(swarm, n1), await join(swarm, n2)];
  const ports = [{ protocol: "tcp", published: 80 }] as const;
  const asked = swarm.dispatcher.probePorts(ports, new AbortController().signal);
  const { id, ports: probed } = await one.next("probe-ports");
  expect(probed).toEqual(ports);
  await two.next("probe-ports");
  one.say({ type: "ports", id, taken: [{ protocol: "tcp", published: 80, process: "nginx (pid 7)" }] });
  one.say({ type: "network-applied", revision: 1, problems: [{ subject: "seen", message: "" }] });
  await eventually(() => swarm.discovery.progress().nodes.find(({ nodeId }) => nodeId === n1)?.problems).toHaveLength(
    1,
  );
  clock.advance(1000);
  expect(await asked).toEqual([
    { node: "host", nodeId: "n1", protocol: "tcp", published: 80, process: "nginx (pid 7)" },
  ]);
  two.say({ type: "ports", id, taken: [] });
});

test("as soon as all have answered, or gone, nobody waits for ports any longer", async () => {
  await using swarm = await start();
  const [one, two] = [await join(swarm, n1), await join(swarm, n2)];
  const asked = swarm.dispatcher.probePorts([{ protocol: "udp", published: 53 }], new AbortController().signal);
  const { id } = await one.next("probe-ports");
  one.say({ type: "ports", id, taken: [] });
  await two.next("probe-ports");
  two.vanish();
  expect(await asked).toEqual([]);
  expect(await swarm.dispatcher.probePorts([], new AbortController().signal)).toEqual([]);
});

test("a node that leaves takes what it knew with it: its addresses are kept for it no longer", async () => {
  await using swarm = await start();
  await put(swarm, task("t1", "n1", ["net"]));
  const [one, two] = [await swarm.agent(n1), await swarm.agent(n2)];
  await acknowledge(one);
  await acknowledge(two);
  await put(swarm, inState(task("t1", "n1", ["net"]), "failed"));
  const { revision } = swarm.store.view();
  const forgotten = swarm.discovery.whenAcknowledged("net" as NetworkId, revision, AbortSignal.timeout(5000));
  await ask(swarm, n1, "/leave", {});
  await forgotten;
});
