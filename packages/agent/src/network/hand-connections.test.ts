import { readFileSync, rmSync } from "node:fs";
import type { TaskId } from "@skep/model";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type HandScene, handScene, running, shop, store } from "./test-hand.ts";

let scene: HandScene;
beforeEach(() => {
  scene = handScene();
});
afterEach(() => rmSync(scene.folder, { recursive: true, force: true }));

const connect = (container: string, networkId = shop, rest: object = {}) =>
  scene.networks.connections.connect(container, { networkId, aliases: [], ...rest });
const disconnect = (container: string, networkId = shop, force = false) =>
  scene.networks.connections.disconnect(container, networkId, force);
const resolver = () => readFileSync(scene.files.resolver, "utf8");
const hosts = () => readFileSync(scene.files.hosts, "utf8");
const message = (error: Error) => error.message;
/** A container that was created on an overlay: it runs under skep's runtime. */
async function handMade(byHand = [{ networkId: shop, aliases: ["al"] }]): Promise<string> {
  const { Id } = await scene.engine.createContainer("db", {
    Image: "alpine:latest",
    HostConfig: { NetworkMode: "none" },
  });
  const rest = { interfaces: [], hostPorts: [], servers: ["192.0.2.9"] };
  scene.records.put({ containerId: Id, name: "db", byHand, ...rest });
  return Id;
}
async function start(id: string): Promise<void> {
  const { hosts: hostsPath } = scene.files;
  await scene.networks.onStart(
    { containerId: id, pid: process.pid, bundle: "/b", hostname: "db", hostsPath },
    new AbortController().signal,
  );
  await scene.engine.startContainer(id);
  scene.engine.container(id).pid = process.pid;
}

test("a container gets its addresses at its start and gives them back at its end", async () => {
  const id = await handMade();
  await start(id);
  expect(scene.heard()).toEqual(["attach db shop al: t1", "settle t1", "kernel: shop 10.0.1.1/24 asking 192.0.2.9"]);
  expect(hosts()).toContain("10.0.1.1\tdb\t# skep\n");
  scene.network.sandboxes.clear(); // as the data plane does it when the namespace is gone
  await scene.networks.ended(id);
  expect(scene.heard()).toEqual(["detach t1"]);
  await start(id);
  expect(scene.heard()).toContain("attach db shop al: t2");
  scene.network.sandboxes.clear();
  await scene.networks.forget(id);
  expect(scene.records.isEmpty).toBe(true);
  expect(scene.attachments.size).toBe(0);
});

test("a start is refused in Docker's words, and leaves nothing allocated", async () => {
  const id = await handMade([shop, store].map((networkId) => ({ networkId, aliases: [] })));
  scene.network.refusal = "no room";
  expect(await start(id).catch(message)).toBe("no room");
  expect(scene.attachments.size).toBe(0);
  scene.manager.refusal = "network shopnet not manually attachable";
  expect(await start(id).catch(message)).toBe(
    "Could not attach to network shopnet: network shopnet not manually attachable",
  );
});

test("a running container of the engine's is attached at once, with its own servers behind skep's resolver", async () => {
  const id = await running(scene, "web");
  await connect("web", shop, { aliases: ["pl"] });
  expect(scene.heard()).toEqual(["attach web shop pl: t1", "settle t1", "kernel: shop 10.0.1.1/24 asking 192.0.2.53"]);
  expect(resolver()).toContain("nameserver 127.0.0.11\n");
  await connect(id, store);
  expect(scene.heard()).toEqual([
    "attach web store: t2",
    "settle t2",
    "kernel: shop 10.0.1.1/24, store 10.0.2.2/24 asking 192.0.2.53",
  ]);
  expect(await connect("web").catch(message)).toBe("endpoint with name web already exists in network shopnet");
  await disconnect("web");
  expect(scene.heard()).toEqual(["kernel: store 10.0.2.2/24 asking 192.0.2.53", "detach t1"]);
  await disconnect("web", store);
  expect(scene.heard()).toEqual(["kernel: nothing", "detach t2"]);
  expect(resolver()).toBe("search example.org\nnameserver 192.0.2.53\n");
  expect(scene.records.isEmpty).toBe(true);
  expect(await disconnect("web").catch(message)).toBe(`container ${id} is not connected to network shopnet`);
  expect(scene.changes).toEqual([
    ...["connect shopnet", "connect storenet"],
    ...["disconnect shopnet", "disconnect storenet"],
  ]);
});

test("what could not be attached is given back, and the container keeps what it had", async () => {
  await running(scene, "web");
  await connect("web");
  scene.network.refusal = "no room";
  expect(await connect("web", store).catch(message)).toBe("no room");
  expect([...scene.attachments.values()]).toEqual(["t1"]);
  scene.network.refusal = undefined;
  scene.manager.refusal = "Address already in use: 10.0.2.9";
  expect(await connect("web", store).catch(message)).toContain("Address already in use");
  scene.manager.refusal = "";
  scene.heard();
  await disconnect("web");
  expect(scene.heard()).toEqual(["kernel: nothing", "detach t1"]);
});

test("a container that does not run is attached at its next start, where its last wish holds", async () => {
  const id = await handMade();
  await connect("db", store, { address: "10.0.2.77" });
  await connect("db", shop, { aliases: ["other"] });
  expect(scene.heard()).toEqual([]);
  await start(id);
  expect(scene.heard().at(-1)).toBe("kernel: store 10.0.2.77/24, shop 10.0.1.2/24 asking 192.0.2.9");
  await disconnect("db", store);
  await disconnect("db", shop);
  expect(scene.records.get(id)).toMatchObject({ byHand: [], interfaces: [] });
  await connect("db");
});

test("a container under the engine's runtime comes back when the engine tells of its start, or skepd of its own", async () => {
  const id = await running(scene, "web");
  await connect("web");
  scene.network.sandboxes.clear();
  scene.engine.exit(id, 0);
  await scene.networks.ended(id);
  await scene.engine.startContainer(id);
  scene.engine.container(id).pid = process.pid;
  scene.heard();
  await scene.networks.started(id);
  await scene.networks.started(id);
  expect(scene.heard()).toEqual(["attach web shop: t2", "settle t2", "kernel: shop 10.0.1.2/24 asking 192.0.2.53"]);
  scene.network.sandboxes.clear();
  await scene.open().compare(new Set([id]), new Set([id]));
  expect(scene.heard().at(-1)).toBe("kernel: shop 10.0.1.2/24 asking 192.0.2.53");
});

test("without a manager a start is refused soon, unless the container has an address of before", async () => {
  const id = await handMade();
  scene.manager.isThere = false;
  const refused = start(id).catch(message);
  await scene.clock.advanceAsync(5_000);
  expect(await refused).toContain("no manager of the swarm answers");
  scene.manager.isThere = true;
  await start(id);
  scene.network.sandboxes.clear(); // a boot: nobody has told of the end
  scene.heard();
  scene.manager.isThere = false;
  const started = start(id);
  await scene.clock.advanceAsync(2_000);
  await started;
  expect(scene.heard()).toEqual(["kernel: shop 10.0.1.1/24 asking 192.0.2.9"]);
});

test("what no manager could be told is told later, also of a container that is gone", async () => {
  const id = await handMade();
  await start(id);
  scene.network.sandboxes.clear();
  scene.manager.isThere = false;
  const forgotten = scene.networks.forget(id);
  await scene.clock.advanceAsync(5_000);
  await forgotten;
  expect(scene.records.get(id)?.unreleased).toEqual(["t1"]);
  scene.manager.isThere = true;
  await scene.networks.releaseAgain();
  expect(scene.attachments.size).toBe(0);
  await scene.networks.compare(new Set(), new Set());
  expect(scene.records.isEmpty).toBe(true);
});

test("an attachment whose end was not told is the next start's, and is not ended later", async () => {
  const id = await handMade();
  await start(id);
  scene.network.sandboxes.clear();
  scene.manager.isThere = false;
  const ended = scene.networks.ended(id);
  await scene.clock.advanceAsync(5_000);
  await ended;
  scene.manager.isThere = true;
  await start(id);
  await scene.networks.releaseAgain();
  expect([...scene.attachments.values()]).toEqual(["t1"]);
});

test("containers without a network of their own to add to are refused as by the engine", async () => {
  for (const mode of ["host", "none", "container:x"]) {
    await running(scene, `c-${mode.slice(0, 4)}`, { HostConfig: { NetworkMode: mode } });
  }
  expect(await connect("c-host").catch(message)).toContain("container sharing network namespace with another");
  expect(await connect("c-cont").catch(message)).toContain("container sharing network namespace with another");
  expect(await connect("c-none").catch(message)).toContain("in private (none) mode");
  expect(await connect("nosuch").catch(message)).toBe("No such container: nosuch");
});

test("a task's container may be put on further networks, and stays on those of its service", async () => {
  const id = await running(scene, "web.1.t9", { HostConfig: { NetworkMode: "none" } });
  const own = { taskId: "t9" as TaskId, networkId: shop, address: "10.0.1.9/24" };
  scene.records.put({
    containerId: id,
    name: "web.1.t9",
    taskId: own.taskId,
    interfaces: [own],
    hostPorts: [],
    servers: [],
  });
  await connect("web.1.t9", store);
  expect(scene.heard().at(-1)).toBe("kernel: shop 10.0.1.9/24, store 10.0.2.1/24");
  expect(await disconnect("web.1.t9").catch(message)).toContain("docker service update");
  expect(await connect("web.1.t9").catch(message)).toContain("already exists in network shopnet");
  await disconnect("web.1.t9", store);
  expect(scene.heard()).toEqual(["kernel: shop 10.0.1.9/24", "detach t1"]);
});

test("a container that the engine has lost is disconnected by force alone", async () => {
  const id = await handMade();
  scene.engine.destroy(id);
  expect(await disconnect("db").catch(message)).toBe("No such container: db");
  await disconnect("db", shop, true);
  expect(scene.records.get(id)?.byHand).toEqual([]);
});

test("a node that leaves its swarm gives back addresses, and containers their own servers", async () => {
  await start(await handMade());
  await running(scene, "web");
  await connect("web");
  await scene.networks.leaveAll();
  expect(resolver()).toBe("search example.org\nnameserver 192.0.2.53\n");
  expect(hosts()).toBe("127.0.0.1\tlocalhost\n");
  expect(scene.attachments.size).toBe(0);
});

test("a running container makes room while the engine connects it to a network of its own", async () => {
  const id = await handMade();
  await start(id);
  scene.heard();
  const during: string[] = [];
  await scene.networks.connections.throughEngine("db", async () => void during.push(...scene.heard()));
  expect(during).toEqual(["kernel: nothing"]);
  expect(scene.heard()).toEqual(["kernel: shop 10.0.1.1/24 asking 192.0.2.9"]);
  const failed = scene.networks.connections.throughEngine("db", () => Promise.reject(new Error("no")));
  expect(await failed.catch(message)).toBe("no");
  expect(scene.heard()).toEqual(["kernel: nothing", "kernel: shop 10.0.1.1/24 asking 192.0.2.9"]);
});
