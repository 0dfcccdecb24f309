import { setTimeout as sleep } from "node:timers/promises";
import type { PublishedPort, ServiceId, ServiceRecord } from "@skep/model";
import { runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canFilter } from "../src/host/bpf/can-filter.ts";
import type { RemoteProcess } from "./dataplane-rpc.ts";
import {
  ingress,
  isRoot,
  nodeAddress,
  outsideAddress,
  Scene,
  type SceneContainer,
  type SceneNode,
  service,
  snmpCounter,
  web,
} from "./dataplane-scene.ts";

const port = (published: number): PublishedPort => ({ protocol: "tcp", published, target: 80 });
const published = (id: string, ports: readonly PublishedPort[]): ServiceRecord =>
  service(id, { networks: [{ networkId: ingress, vip: `10.0.0.${200 + ports.length}`, aliases: [] }], ports });

// skipped on kernels that are too old: they route every packet, as the other tests of the mesh show
describe.skipIf(!isRoot || !(await canFilter()))("connections by way of the gateway router, once they are open", () => {
  let scene: Scene;
  let outside: RemoteProcess;
  let here: SceneContainer;
  let there: SceneContainer;
  const entry = () => scene.node(1);

  beforeAll(async () => {
    scene = await Scene.create(3);
    outside = await scene.client(scene.outside());
    here = await serving("here", 1, "10.0.0.11");
    there = await serving("there", 2, "10.0.0.12");
    await scene.put(published("here", [port(8081)]), published("there", [port(8082)]), here.endpoint, there.endpoint);
  }, 60_000);

  afterAll(() => scene?.[Symbol.asyncDispose]());

  const serving = (name: string, node: number, address: string) =>
    scene.container(name, scene.node(node), {
      serviceId: name as ServiceId,
      on: { [web]: address.replace("10.0.0", "10.0.1"), [ingress]: address },
    });

  /** Resets that the client has sent: what has reached it was of no connection of its own. */
  const refused = async () =>
    snmpCounter((await runCommand([...scene.outside(), "cat", "/proc/thread-self/net/snmp"])).stdout, "Tcp", "OutRsts");

  async function talk(id: string, times = 20): Promise<void> {
    for (let i = 0; i < times; i++) expect(await outside.call("say", id)).toContain(outsideAddress);
  }

  /** How the gateway router of a node sees the connections of a client's port. */
  const tracked = (node: SceneNode, clientPort: number) =>
    node.inRouter("skep-gw", "conntrack", "-L", "-p", "tcp", "--orig-port-src", `${clientPort}`);

  test.each([
    ["of the entry node", 8081, () => scene.node(1)],
    ["of another node", 8082, () => scene.node(2)],
  ])("pass it without being routed, to a task %s and back", async (_, published, taskNode) => {
    const clientPort = 42_000 + published;
    await outside.call("hold", `${published}`, nodeAddress(1), published, clientPort);
    await talk(`${published}`, 2);
    const before = await taskNode().routed();
    await talk(`${published}`, 40);
    expect((await taskNode().routed()) - before).toBeLessThanOrEqual(6); // now and then one goes the usual way
    expect(await tracked(taskNode(), clientPort)).toContain("ESTABLISHED");
  });

  test("are not mistaken for another of the same client port that has come in at another node", async () => {
    const entries = [2, 1, 3];
    const held = new Map<number, string>();
    for (const n of entries) held.set(n, await outside.call<string>("hold", `same${n}`, nodeAddress(n), 8081, 45_000));
    expect(new Set(held.values()).size).toBe(3); // the task sees another port of each
    const before = await refused();
    for (let i = 0; i < 20; i++)
      for (const n of entries) expect(await outside.call("say", `same${n}`)).toBe(held.get(n));
    expect(await refused()).toBe(before);
  });

  test.each([
    [8081, () => scene.node(1)],
    [8082, () => scene.node(2)],
  ])("end for those who follow them when they end: port %i", async (published, taskNode) => {
    const clientPort = 43_000 + published;
    await outside.call("hold", "ending", nodeAddress(1), published, clientPort);
    await talk("ending");
    await outside.call("end", "ending");
    await expect.poll(() => tracked(taskNode(), clientPort)).not.toContain("ESTABLISHED");
  });

  test("are refused when their container is no longer there", async () => {
    const gone = await serving("gone", 1, "10.0.0.13");
    await scene.put(published("gone", [port(8083)]), gone.endpoint);
    await outside.call("hold", "gone", nodeAddress(1), 8083);
    await talk("gone");
    await scene.remove(gone.endpoint);
    await entry().call("detach", gone.sandbox.containerId);
    expect(await outside.call("say", "gone")).toBe("ECONNRESET");
  });

  test("are routed as soon as their container's interface is gone, and go on when it is back", async () => {
    const lost = await serving("lost", 1, "10.0.0.16");
    await scene.put(published("lost", [port(8085)]), lost.endpoint);
    await outside.call("hold", "lost", nodeAddress(1), 8085);
    await talk("lost");
    const before = await entry().routed();
    await entry().inRouter("skep-gw", "ip", "link", "del", "v0a000010");
    const said = outside.call<string>("say", "lost");
    await expect.poll(() => entry().routed(), { timeout: 500, interval: 20 }).toBeGreaterThan(before);
    await entry().call("repair");
    expect(await said).toContain(outsideAddress);
  });

  test("cannot be joined by another container in its name", async () => {
    const clientPort = 44_000;
    await outside.call("hold", "joined", nodeAddress(1), 8081, clientPort);
    await talk("joined");
    await entry().run("nft", "add table ip marked; add counter ip marked seen");
    await entry().run("nft", "add chain ip marked pre { type filter hook prerouting priority -300; }");
    await entry().run("nft", "add rule ip marked pre iifname skep-up ip dscp 42 counter name seen");
    const seen = async () =>
      Number(/packets (\d+)/.exec(await entry().run("nft", "list", "counter", "ip", "marked", "seen"))?.[1]);
    const answer = { source: "10.0.0.11", sourcePort: 80, destination: outsideAddress, destinationPort: clientPort };
    await here.process.call("forge", answer, 42); // by whom it may
    await expect.poll(seen).toBe(1);
    const stranger = await serving("stranger", 1, "10.0.0.14");
    await stranger.process.call("forge", answer, 42);
    await sleep(200);
    expect(await seen()).toBe(1);
    await entry().run("nft", "delete", "table", "ip", "marked");
  });

  test("go on when skepd is killed, and when it is back with what it finds", async () => {
    const programs = () => entry().inRouter("skep-gw", "tc", "filter", "show", "dev", "up0", "ingress");
    const before = await programs();
    expect(before).toContain("skep-from-node");
    await outside.call("hold", "kept", nodeAddress(1), 8081);
    await talk("kept", 5);
    await entry().process?.end();
    await talk("kept", 5);
    await entry().start();
    await entry().call("replaceAll", scene.revision, [...scene.records.values()]);
    await talk("kept", 2);
    const packets = await entry().routed();
    await talk("kept", 20);
    expect((await entry().routed()) - packets).toBeLessThanOrEqual(6);
    expect(await programs()).toBe(before);
    // what is attached from now on is known to the programs that were there before
    const later = await serving("later", 1, "10.0.0.15");
    await scene.put(published("later", [port(8084)]), later.endpoint);
    await outside.call("hold", "later", nodeAddress(1), 8084);
    await talk("later", 2);
    const since = await entry().routed();
    await talk("later", 20);
    expect((await entry().routed()) - since).toBeLessThanOrEqual(6);
  });

  test("go the usual way when somebody takes a filter, which is put back", async () => {
    await outside.call("hold", "repaired", nodeAddress(1), 8081);
    await talk("repaired", 3);
    await entry().inRouter("skep-gw", "tc", "filter", "del", "dev", "up0", "ingress");
    await talk("repaired", 3);
    expect(await entry().call("repair")).toEqual([expect.stringContaining("tc filter replace dev up0 ingress")]);
    await entry().inRouter("skep-gw", "tc", "qdisc", "del", "dev", "v0a00000b", "clsact");
    expect(await entry().call("repair")).toEqual([
      "skep-gw: tc qdisc add dev v0a00000b clsact",
      expect.stringContaining("tc filter replace dev v0a00000b ingress"),
      expect.stringContaining("tc filter replace dev v0a00000b egress"),
    ]);
    await talk("repaired", 3);
    expect(await entry().call("repair")).toEqual([]);
  });
});
