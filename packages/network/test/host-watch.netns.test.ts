import { describe, expect, test } from "vitest";
import type { Change, Namespace, NetlinkRequest } from "../src/host/index.ts";
import { inside, ip, isRoot, Scene } from "./host-scene.ts";

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const entry = { device: "vx0", mac: "02:58:c0:a8:00:0c", destination: "192.168.0.12" };
const neighbour = { device: "v1", address: "10.0.1.10", mac: "02:42:0a:00:01:0a" };
const route = { destination: "10.0.1.10/32", device: "v1" };
const rule = { priority: 1002, mark: 2, table: 1002 };

const attach = (container: Namespace): NetlinkRequest[] => [
  {
    do: "add-veth",
    name: "v1",
    mac: "02:53:00:00:00:01",
    mtu: 1450,
    peer: { name: "eth0", mac: neighbour.mac, mtu: 1450, in: container.path },
  },
  { do: "set-link", name: "v1", up: true },
  { do: "put-neighbour", ...neighbour },
  { do: "put-route", ...route },
  { do: "add-rule", ...rule },
];

const tunnel = (router: Namespace): NetlinkRequest => ({
  do: "add-vxlan",
  name: "vx0",
  mac: "02:58:c0:a8:00:0b",
  mtu: 1450,
  vni: 5001,
  local: "192.168.0.11",
  port: 4789,
  in: router.path,
});

interface Watched {
  readonly node: Namespace;
  readonly router: Namespace;
  readonly container: Namespace;
  readonly seen: Change[];
}

async function watched(scene: Scene): Promise<Watched> {
  const node = await scene.namespace("n");
  const router = await scene.namespace("r");
  const container = await scene.namespace("c");
  const seen: Change[] = [];
  router.watch((what) => seen.push(what));
  return { node, router, container, seen };
}

/** What is reported within 100 ms of what a stranger does, each kind once. */
async function reportOf(seen: Change[], act: () => unknown): Promise<Change[]> {
  seen.splice(0);
  await act();
  await sleep(100);
  return [...new Set(seen)].sort();
}

async function build({ node, router, container }: Watched): Promise<void> {
  await router.netlink([{ do: "set-link", name: "lo", up: true }, ...attach(container)]);
  await container.netlink([
    { do: "set-link", name: "eth0", up: true },
    { do: "add-address", device: "eth0", address: "10.0.1.10/24" },
  ]);
  await node.netlink([tunnel(router)]);
  await router.netlink([
    { do: "set-link", name: "vx0", up: true },
    { do: "put-fdb", ...entry },
    { do: "add-address", device: "v1", address: "10.0.1.1/24" },
  ]);
  await router.nft("add table ip skep\nadd set ip skep vips { type ipv4_addr; }");
}

describe.skipIf(!isRoot)("watching (needs root)", () => {
  test("says nothing of what this process does, nor of what follows from it", async () => {
    await using scene = new Scene();
    const all = await watched(scene);
    const { router, node, seen } = all;
    await sleep(20);
    await build(all);
    await router.nft("add element ip skep vips { 10.0.1.100 }");
    await router.netlink([{ do: "put-fdb", ...entry, destination: "192.168.0.13" }]);
    await sleep(1200); // carriers are told of up to a second later
    await router.netlink([
      { do: "delete-fdb", ...entry, destination: "192.168.0.13" },
      { do: "delete-address", device: "v1", address: "10.0.1.1/24" },
      { do: "delete-neighbour", ...neighbour },
      { do: "delete-route", destination: route.destination },
      { do: "delete-rule", ...rule },
      { do: "set-link", name: "vx0", up: false },
      { do: "delete-link", name: "v1" },
    ]);
    await node.netlink([{ ...tunnel(router), vni: 5002 } as NetlinkRequest]);
    await router.nft("delete table ip skep");
    await sleep(100);
    expect(seen).toEqual([]);
  });

  test("tells within 100 ms of what others do", async () => {
    await using scene = new Scene();
    const all = await watched(scene);
    const { router, seen } = all;
    await build(all);
    await sleep(50);
    const strangers: readonly [Change, () => unknown][] = [
      ["nft", () => inside(router, "nft", "add", "element", "ip", "skep", "vips", "{ 10.0.1.101 }")],
      ["nft", () => inside(router, "nft", "flush", "ruleset")],
      ["route", () => ip(router, "route", "del", "10.0.1.10")],
      ["route", () => ip(router, "route", "add", "10.0.1.11", "dev", "v1")],
      ["neighbour", () => ip(router, "neigh", "del", "10.0.1.10", "dev", "v1")],
      ["neighbour", () => inside(router, "bridge", "fdb", "del", entry.mac, "dev", "vx0", "dst", "192.168.0.12")],
      ["rule", () => ip(router, "rule", "del", "pref", "1002")],
      ["link", () => ip(router, "link", "set", "v1", "mtu", "1400")],
      ["address", () => ip(router, "addr", "add", "10.0.1.2/32", "dev", "lo")],
    ];
    for (const [what, act] of strangers) expect(await reportOf(seen, act)).toEqual([what]);
    expect(await reportOf(seen, () => ip(router, "link", "set", "v1", "down"))).toContain("link");
    expect(await reportOf(seen, () => ip(router, "link", "del", "v1"))).toContain("link");
  });

  test("two handles on a namespace in this process do not report one another", async () => {
    await using scene = new Scene();
    const { router, container, seen } = await watched(scene);
    const second = await scene.kernel.open(router.path);
    await second.netlink(attach(container));
    await second.nft("add table ip skep");
    await sleep(50);
    expect(seen).toEqual([]);
  });

  test("a stranger's change is told of although ours go on all the time", async () => {
    await using scene = new Scene();
    const all = await watched(scene);
    const { router, seen } = all;
    await build(all);
    await sleep(50);
    seen.splice(0);
    const stop = performance.now() + 300;
    const ours = (async () => {
      for (let i = 0; performance.now() < stop; i = (i + 1) % 200) {
        await router.netlink([{ do: "put-route", destination: `10.0.2.${i}/32`, device: "v1" }]);
        await router.nft(`add element ip skep vips { 10.0.2.${i} }`);
      }
    })();
    await inside(router, "ip", "route", "del", "10.0.1.10");
    await inside(router, "nft", "flush", "set", "ip", "skep", "vips");
    await ours;
    await sleep(50);
    expect([...new Set(seen)].sort()).toEqual(["nft", "route"]);
  });

  test("a thousand changes at once are told of, however many the kernel dropped", async () => {
    await using scene = new Scene();
    const all = await watched(scene);
    await build(all);
    const batch = Array.from({ length: 3000 }, (_, i) => `route add 10.9.${i >> 8}.${i & 255}/32 dev v1`).join("\n");
    const report = await reportOf(all.seen, () => inside(all.router, "sh", "-c", `echo "${batch}" | ip -batch -`));
    expect(report).toContain("route");
  });

  test("is over when it is disposed", async () => {
    await using scene = new Scene();
    const router = await scene.namespace("r");
    const seen: Change[] = [];
    const watch = router.watch((what) => seen.push(what));
    watch[Symbol.dispose]();
    watch[Symbol.dispose]();
    ip(router, "link", "set", "lo", "up");
    await sleep(50);
    expect(seen).toEqual([]);
  });
});
