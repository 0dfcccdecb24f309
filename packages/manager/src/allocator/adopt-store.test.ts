import { type Node, type NodeId, silentLogger } from "@skep/model";
import { MemoryStore } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { createCluster } from "../create-cluster.ts";
import { adoptStore } from "./adopt-store.ts";
import { claimDataPath, ipv4Of } from "./data-path.ts";
import { Ipam } from "./ipam.ts";
import { ingressNetwork } from "./networks-of.ts";
import { cluster, newSwarm, node } from "./test-network.ts";

const clock = new FakeClock();
const request = {
  spec: {},
  availability: "active",
  advertiseAddr: "192.168.0.1:2377",
  address: "192.168.0.1",
  defaultAddrPool: [],
  subnetSize: 24,
  dataPathPort: 4789,
} as const;

test("a new swarm has the ingress network, the engine's networks, and its first node's data path", async () => {
  const store = new MemoryStore({ clock });
  const { nodeId } = await createCluster(store, clock, { ...request, dataPathAddr: "10.1.2.3" });
  expect([...store.view().all("network")].map(({ spec }) => spec.Name).sort()).toEqual(["bridge", "host", "ingress"]);
  expect(store.view().get("node", nodeId)?.dataPath).toEqual({ address: "10.1.2.3", index: 1 });
});

test("its ingress network keeps away from the first node's routes", async () => {
  const store = new MemoryStore({ clock });
  await createCluster(store, clock, { ...request, routes: ["10.0.0.0/23"] });
  expect(ingressNetwork(store.view())?.subnets[0]?.subnet).toBe("10.0.2.0/24");
});

test("overlays need an IPv4 address", async () => {
  const make = (more: object) => createCluster(new MemoryStore({ clock }), clock, { ...request, ...more });
  await expect(make({ dataPathAddr: "fd00::1" })).rejects.toThrow("data path address fd00::1 is not an IPv4 address");
  await expect(make({ address: "node-1" })).rejects.toThrow("give one with --data-path-addr");
});

test("data paths take the lowest index that no node has", () => {
  const withIndex = (index: number): Node => ({ ...node(`n${index}`), dataPath: { address: "192.168.0.9", index } });
  expect(claimDataPath([withIndex(1), withIndex(3)], "192.168.0.2")).toEqual({ address: "192.168.0.2", index: 2 });
});

test.each([
  ["192.168.0.1", "192.168.0.1"],
  ["192.168.0.1:2377", "192.168.0.1"],
  ["::ffff:192.168.0.1", "192.168.0.1"],
  ["[fd00::1]:2377", undefined],
  ["0.0.0.0", undefined],
  ["node-1", undefined],
])("the IPv4 address in %s is %s", (text, address) => {
  expect(ipv4Of(text)).toBe(address);
});

test("a store from before there were networks gets them, with a data path for every node", async () => {
  const store = new MemoryStore({ clock });
  await store.update((tx) => {
    tx.put("cluster", cluster());
    for (const id of ["n1", "n2"]) tx.put("node", node(id));
    const manager = { addr: "192.168.0.9:2377", leader: true, reachability: "reachable" } as const;
    tx.put("node", { ...node("m"), status: { state: "ready", addr: "::1" }, manager });
  });
  await adoptStore(store, new Ipam(), silentLogger);
  expect([...store.view().all("node")].map(({ dataPath }) => dataPath)).toEqual([
    { address: "192.168.0.1", index: 1 },
    { address: "192.168.0.1", index: 2 },
    { address: "192.168.0.9", index: 3 },
  ]);
  expect(ingressNetwork(store.view())?.vni).toBe(4096);
  const { revision } = store.view();
  await adoptStore(store, new Ipam(), silentLogger);
  expect(store.view().revision).toBe(revision);
});

test("an ingress network that an operator removed is not made again", async () => {
  const { store, ingress } = await newSwarm();
  await store.update((tx) => {
    tx.put("node", { ...node("n1"), dataPath: { address: "192.168.0.1", index: 1 } });
    tx.put("node", node("n2" as NodeId));
    tx.delete("network", ingress);
  });
  await adoptStore(store, new Ipam(), silentLogger);
  expect(ingressNetwork(store.view())).toBeUndefined();
  expect(store.view().get("node", "n2")?.dataPath?.index).toBe(2);
});
