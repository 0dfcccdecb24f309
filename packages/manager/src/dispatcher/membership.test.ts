import { MemoryStore } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { beforeAll, expect, test } from "vitest";
import { createCsr } from "../ca/index.ts";
import { createCluster } from "../create-cluster.ts";
import { admitNode } from "./membership.ts";

const clock = new FakeClock();
const store = new MemoryStore({ clock });
let csrPem = "";

beforeAll(async () => {
  ({ csrPem } = await createCsr());
  await createCluster(store, clock, {
    spec: {},
    availability: "active",
    advertiseAddr: "192.168.0.1:2377",
    address: "192.168.0.1",
    defaultAddrPool: [],
    subnetSize: 24,
    dataPathPort: 4789,
  });
});

async function join(request: object, from = "192.168.0.2") {
  const [cluster] = store.view().all("cluster");
  const { nodeId } = await admitNode(store, clock, { token: cluster?.joinTokens.worker, csrPem, ...request }, from);
  return store.view().get("node", nodeId)?.dataPath;
}

test("a node's overlays are reached where it says, else where it is reached itself, each under an index of its own", async () => {
  expect(await join({ dataPathAddr: "10.9.0.2", advertiseAddr: "192.168.0.7" })).toEqual({
    address: "10.9.0.2",
    index: 2,
  });
  expect(await join({ dataPathAddr: "", advertiseAddr: "192.168.0.7:2377" })).toEqual({
    address: "192.168.0.7",
    index: 3,
  });
  expect(await join({}, "::ffff:192.168.0.2")).toEqual({ address: "192.168.0.2", index: 4 });
  expect(await join({ advertiseAddr: "node-5.example" }, "192.168.0.5")).toEqual({ address: "192.168.0.5", index: 5 });
});

test("a node that left makes its index free", async () => {
  const [third] = [...store.view().all("node")].filter(({ dataPath }) => dataPath?.index === 3);
  await store.update((tx) => tx.delete("node", third?.id ?? ""));
  expect(await join({})).toEqual({ address: "192.168.0.2", index: 3 });
});

test("an address that is not IPv4 is refused, and leaves no node behind", async () => {
  const count = store.view().count("node");
  await expect(join({ dataPathAddr: "fd00::2" })).rejects.toThrow(
    "rpc error: code = InvalidArgument desc = data path address fd00::2 is not an IPv4 address",
  );
  await expect(join({}, "fd00::3")).rejects.toThrow("give one with --data-path-addr");
  expect(store.view().count("node")).toBe(count);
});
