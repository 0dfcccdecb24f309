import { isAttachment, type NodeId, silentLogger, type Task } from "@skep/model";
import { afterEach, expect, test } from "vitest";
import { attachContainer } from "../control/attachments.ts";
import { createNetwork, liveNetworks, removeNetwork } from "../control/networks.ts";
import { createService, removeService, updateService } from "../control/services.ts";
import { FakeSwarm } from "../orchestrator/fake-swarm.ts";
import { Allocator } from "./allocator.ts";
import { Ipam } from "./ipam.ts";
import { FakeGate, newSwarm, type ServiceParts, type SwarmOptions, serviceSpec } from "./test-network.ts";

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

/** A swarm whose nodes acknowledge when told; eight addresses a network, five of them to give out. */
async function setUp(options: SwarmOptions = { pool: ["10.0.0.0/24"], subnetSize: 29 }) {
  const swarm = await FakeSwarm.create();
  const { store, clock } = swarm;
  const { context } = await newSwarm(options, store);
  const gate = new FakeGate();
  const stopping = new AbortController();
  const allocator = new Allocator({ store, clock, logger: silentLogger, gate, ipam: context.ipam });
  const run = allocator.run(stopping.signal);
  running.push(async () => {
    stopping.abort();
    await run;
    await swarm.stop();
  });
  const network = (name: string) => createNetwork(store, { Name: name, Attachable: true }, context);
  const create = (name: string, parts: ServiceParts) =>
    createService(store, serviceSpec(name, parts), undefined, context);
  const update = (name: string, parts: ServiceParts) => {
    const [service] = store.view().find("service", "name", name);
    const call = { service: name, version: service?.version ?? 0, spec: serviceSpec(name, parts) };
    return updateService(store, clock, call, context);
  };
  const acknowledge = async () => {
    gate.acknowledge(store);
    await swarm.run(200);
  };
  const tasks = (name: string): Task[] => swarm.tasks().filter(({ serviceName }) => serviceName === name);
  const addresses = () => [...store.view().all("address")].map(({ address }) => address).sort();
  return { swarm, store, clock, context, network, create, update, acknowledge, tasks, addresses };
}

const inState = (tasks: readonly Task[], state: Task["status"]["state"]) =>
  tasks.filter(({ status }) => status.state === state);

test("tasks have their addresses from the start, the ingress network's first", async () => {
  const { swarm, network, create, tasks } = await setUp();
  const id = await network("net");
  await create("web", { networks: ["net"], ports: ["80:80"], replicas: 2 });
  await swarm.run(2000);
  expect(inState(tasks("web"), "running").map(({ networks }) => networks)).toEqual([
    [
      { networkId: expect.any(String), address: "10.0.0.3/29", aliases: [] },
      { networkId: id, address: "10.0.0.11/29", aliases: ["web-alias"] },
    ],
    [
      { networkId: expect.any(String), address: "10.0.0.4/29", aliases: [] },
      { networkId: id, address: "10.0.0.12/29", aliases: ["web-alias"] },
    ],
  ]);
});

test("what a network has no addresses for waits, says why, and gets them when nodes have forgotten others", async () => {
  const { swarm, network, create, update, acknowledge, tasks } = await setUp();
  await network("net");
  await create("web", { networks: ["net"], replicas: 4 });
  await create("db", { networks: ["net"], mode: "dnsrr", replicas: 2 });
  await swarm.run(2000);
  expect(inState(tasks("db"), "new").map(({ status }) => status.err)).toEqual([
    "no available IPv4 addresses on this network's address pools: net (10.0.0.8/29): 5 in use",
    "no available IPv4 addresses on this network's address pools: net (10.0.0.8/29): 5 in use",
  ]);
  await update("web", { networks: ["net"], replicas: 2 });
  await swarm.run(2000);
  expect(inState(tasks("web"), "running")).toHaveLength(2);
  expect(inState(tasks("db"), "new")).toHaveLength(2);
  await acknowledge();
  await swarm.run(2000);
  expect(inState(tasks("db"), "running")).toHaveLength(2);
  expect(tasks("db").map(({ status }) => status.err)).toEqual([undefined, undefined]);
});

test("a service that got no virtual address gets it later, and its tasks wait for it", async () => {
  const { swarm, store, network, create, update, acknowledge, tasks } = await setUp();
  await network("net");
  await create("rr", { networks: ["net"], mode: "dnsrr", replicas: 5 });
  await swarm.run(1000);
  await create("web", { networks: ["net"] });
  await swarm.run(1000);
  expect(tasks("web").map(({ status }) => [status.state, status.err])).toEqual([
    ["new", "no virtual IP address is left for the service on network net"],
  ]);
  await update("rr", { networks: ["net"], mode: "dnsrr", replicas: 3 });
  await swarm.run(2000);
  await acknowledge();
  await swarm.run(2000);
  const [web] = store.view().find("service", "name", "web");
  expect(web?.endpoint.virtualIps?.[0]?.address).toMatch(/^10\.0\.0\.\d+\/29$/);
  expect(inState(tasks("web"), "running")).toHaveLength(1);
});

test("a task's address is its own until its container has ended, however unwanted it is", async () => {
  const { swarm, store, network, create, tasks } = await setUp();
  await network("net");
  await create("web", { networks: ["net"], image: "ok-stubborn" });
  await swarm.run(2000);
  const [task] = tasks("web");
  await removeService(store, "web");
  await swarm.run(5000);
  const of = () => store.view().find("address", "owner", task?.id ?? "");
  expect(of().map(({ releasedAt }) => releasedAt)).toEqual([undefined]);
  await swarm.run(8000);
  expect(of().map(({ releasedAt }) => releasedAt !== undefined)).toEqual([true]);
});

test("a removed network lives on out of sight until its tasks have ended and every node has forgotten it", async () => {
  const { swarm, store, network, create, acknowledge, tasks, addresses } = await setUp();
  const id = await network("net");
  await create("web", { networks: ["net"], image: "ok-stubborn" });
  await swarm.run(2000);
  await removeService(store, "web");
  await removeNetwork(store, "net");
  expect(liveNetworks(store.view()).map(({ spec }) => spec.Name)).toEqual(["ingress"]);
  await acknowledge();
  expect(store.view().get("network", id)).toMatchObject({ removedAt: expect.any(Number) });
  expect(store.view().get("network", id)?.releasedAt).toBeUndefined();
  await swarm.run(12_000);
  expect(tasks("web")).toEqual([]);
  expect(store.view().get("network", id)?.releasedAt).toBeDefined();
  await acknowledge();
  expect(store.view().get("network", id)).toBeUndefined();
  expect(addresses()).toEqual([]);
});

test("a successor finds what its predecessor has left", async () => {
  const { swarm, store, network, create, addresses } = await setUp();
  await network("net");
  await create("web", { networks: ["net"], replicas: 3 });
  await swarm.run(2000);
  for (const stop of running.splice(0)) await stop();
  await store.update((tx) => {
    for (const { id } of [...tx.all("task")]) tx.delete("task", id);
    for (const { id } of [...tx.all("service")]) tx.delete("service", id);
  });
  expect(addresses()).toHaveLength(4);
  const gate = new FakeGate();
  const stopping = new AbortController();
  const successor = new Allocator({ store, clock: swarm.clock, logger: silentLogger, gate, ipam: new Ipam() });
  const run = successor.run(stopping.signal);
  await swarm.run(200);
  gate.acknowledge(store);
  await swarm.run(200);
  expect(addresses()).toEqual([]);
  stopping.abort();
  await run;
});

test("the task of an attached container on a node that was given up is forgotten", async () => {
  const { swarm, store, network, acknowledge, addresses } = await setUp();
  await network("net");
  const container = { network: "net", containerId: "c1", containerName: "c", aliases: [], hostPorts: [] };
  const { id } = await attachContainer(store, "n1" as NodeId, container);
  await store.update((tx) => {
    const task = tx.get("task", id);
    if (task) tx.put("task", { ...task, status: { ...task.status, state: "orphaned" } });
  });
  await swarm.run(100);
  expect(swarm.tasks().filter(isAttachment)).toEqual([]);
  await acknowledge();
  expect(addresses()).toEqual([]);
});
