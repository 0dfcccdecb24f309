import { describe, expect, test } from "vitest";
import { type Namespace, type NetlinkRequest, probePathMtu } from "../src/host/index.ts";
import { bridgeJson, inside, ip, ipJson, isRoot, pick, Scene } from "./host-scene.ts";

/** Node b is 192.168.0.12; tasks are in 10.0.1.0/24. */
const router = "02:53:00:00:00:01";
const task = "02:42:0a:00:01:0a";
const tunnel = "02:58:c0:a8:00:0b";
const peerTunnel = "02:58:c0:a8:00:0c";

const veth = (peer: Namespace): NetlinkRequest => ({
  do: "add-veth",
  name: "v1",
  mac: router,
  mtu: 1450,
  peer: { name: "eth0", mac: task, mtu: 1450, in: peer.path },
});

const vxlan = (into: Namespace, vni: number, more: { local?: string; port?: number } = {}): NetlinkRequest => ({
  do: "add-vxlan",
  name: "vx0",
  mac: tunnel,
  mtu: 1450,
  vni,
  local: "192.168.0.11",
  port: 4789,
  in: into.path,
  ...more,
});

/** Asks twice for the same: the second time must change nothing. */
async function twice(namespace: Namespace, ...requests: NetlinkRequest[]): Promise<void> {
  await namespace.netlink(requests);
  await namespace.netlink(requests);
}

const up = (name: string): NetlinkRequest => ({ do: "set-link", name, up: true });

async function pair(scene: Scene): Promise<[router: Namespace, container: Namespace]> {
  const namespaces = [await scene.namespace("r"), await scene.namespace("c")] as const;
  const [a, b] = namespaces;
  await a.netlink([up("lo"), veth(b), up("v1")]);
  await b.netlink([up("lo"), up("eth0")]);
  return [a, b];
}

describe.skipIf(!isRoot)("rtnetlink (needs root)", () => {
  test("a veth has one end here and the other in the container", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("r");
    const b = await scene.namespace("c");
    await twice(a, veth(b), up("v1"));
    await twice(b, { do: "set-link", name: "eth0", up: true, mtu: 1400, mac: "02:42:0a:00:01:0b" });
    expect(pick(ipJson(a, "link", "show", "v1"), "ifname", "address", "mtu", "operstate")).toEqual([
      { ifname: "v1", address: router, mtu: 1450, operstate: "UP" },
    ]);
    expect(pick(ipJson(b, "link", "show", "eth0"), "ifname", "address", "mtu")).toEqual([
      { ifname: "eth0", address: "02:42:0a:00:01:0b", mtu: 1400 },
    ]);
    expect(await b.links()).toMatchObject([
      { name: "lo", up: false, kind: "" },
      { name: "eth0", up: true, mac: "02:42:0a:00:01:0b", mtu: 1400, kind: "veth" },
    ]);
    await twice(a, { do: "delete-link", name: "v1" });
    expect(await a.links()).toHaveLength(1);
    expect(await b.links()).toHaveLength(1);
  });

  test("a veth that exists with another peer is refused, as what it is", async () => {
    await using scene = new Scene();
    const [a] = await pair(scene);
    const other = await scene.namespace("o");
    await expect(a.netlink([veth(other), { do: "set-link", name: "v1", mtu: 1300 }])).rejects.toMatchObject({
      code: "EEXIST",
      message: expect.stringMatching(/^ip link add v1 address 02:53:.* netns skh.*: EEXIST/),
    });
    expect(pick(ipJson(a, "link", "show", "v1"), "mtu")).toEqual([{ mtu: 1300 }]); // the others are carried out
  });

  test("a vxlan lives in the router while its socket stays in the node's namespace", async () => {
    await using scene = new Scene();
    const node = await scene.namespace("n");
    const a = await scene.namespace("r");
    await twice(node, vxlan(a, 5001));
    await twice(a, up("vx0"));
    const [link] = ipJson(a, "link", "show", "vx0");
    expect(link).toMatchObject({
      address: tunnel,
      mtu: 1450,
      linkinfo: { info_kind: "vxlan", info_data: { id: 5001, local: "192.168.0.11", port: 4789, learning: false } },
    });
    expect(await inside(node, "ss", "-Huan")).toContain(":4789");
    expect(await inside(a, "ss", "-Huan")).not.toContain(":4789");
    expect((await a.links()).at(-1)?.vxlan).toEqual({ vni: 5001, local: "192.168.0.11", port: 4789 });
  });

  test("a vxlan of another VNI, address or port is made anew; one that is right stays", async () => {
    await using scene = new Scene();
    const node = await scene.namespace("n");
    const other = await scene.namespace("m");
    const a = await scene.namespace("r");
    const index = async () => (await a.links()).find(({ name }) => name === "vx0")?.index;
    await node.netlink([vxlan(a, 5001)]);
    const first = await index();
    await node.netlink([vxlan(a, 5001)]);
    expect(await index()).toBe(first);
    for (const different of [
      vxlan(a, 5002),
      vxlan(a, 5002, { local: "192.168.0.9" }),
      vxlan(a, 5002, { port: 8472 }),
    ]) {
      const before = await index();
      await twice(node, different);
      expect(await index()).not.toBe(before);
    }
    const before = await index();
    await twice(other, vxlan(a, 5002, { port: 8472 })); // its socket would be in the wrong namespace
    expect(await index()).not.toBe(before);
  });

  test("a VNI that another device of the node has is refused", async () => {
    await using scene = new Scene();
    const node = await scene.namespace("n");
    const a = await scene.namespace("r");
    ip(node, "link", "add", "mine", "type", "vxlan", "id", "5001", "dstport", "4789", "local", "192.168.0.11");
    await expect(node.netlink([vxlan(a, 5001)])).rejects.toMatchObject({ code: "EEXIST" });
    expect(await node.links()).toHaveLength(2);
  });

  test("a VNI is free again as soon as its namespace is removed", async () => {
    await using scene = new Scene();
    const node = await scene.namespace("n");
    const name = scene.name("r");
    for (let round = 0; round < 5; round++) {
      await node.netlink([vxlan(await scene.kernel.ensure(name), 5001)]);
      await scene.kernel.remove(name);
    }
  });

  test("addresses are what ip shows, and change their flags when asked to", async () => {
    await using scene = new Scene();
    const [, b] = await pair(scene);
    await twice(b, { do: "add-address", device: "eth0", address: "10.0.1.10/24" });
    expect(await b.addresses()).toContainEqual({ device: "eth0", address: "10.0.1.10/24" });
    await twice(
      b,
      { do: "add-address", device: "eth0", address: "10.0.1.10/24", noPrefixRoute: true },
      { do: "put-route", destination: "10.0.2.0/24", device: "eth0", source: "10.0.1.10" },
    );
    expect(await b.addresses()).toEqual([
      { device: "lo", address: "127.0.0.1/8" },
      { device: "eth0", address: "10.0.1.10/24", noPrefixRoute: true },
    ]);
    expect(await b.routes()).toHaveLength(1);
    expect(ip(b, "addr", "show", "dev", "eth0")).toMatch(/inet 10.0.1.10\/24 scope global noprefixroute eth0/);
    await twice(b, { do: "delete-address", device: "eth0", address: "10.0.1.10/24" });
    expect(await b.addresses()).toHaveLength(1);
  });

  test("routes are what ip shows, and the list is what was put", async () => {
    await using scene = new Scene();
    const [, b] = await pair(scene);
    const routes = [
      { destination: "default", via: "10.0.1.1", device: "eth0", source: "10.0.1.10" },
      { destination: "10.0.1.0/24", via: "10.0.1.1", device: "eth0", source: "10.0.1.10", mtu: 1300 },
      { destination: "10.0.1.1/32", device: "eth0", source: "10.0.1.10", scope: "link" },
      { destination: "10.0.1.14/32", via: "192.168.0.12", device: "eth0", onlink: true },
      { destination: "10.0.1.20/32", device: "eth0" },
      { destination: "10.0.9.0/24", type: "unreachable" },
      { destination: "default", via: "192.168.0.12", device: "eth0", onlink: true, table: 1002 },
      { destination: "10.3.0.0/16", device: "eth0", table: 70_000 },
    ] as const;
    const order = [2, 0, 1, 3, 4, 5, 6, 7]; // the gateway must be reachable first
    const put = order.map((i) => ({ do: "put-route" as const, ...(routes[i] ?? routes[0]) }));
    await twice(b, { do: "add-address", device: "eth0", address: "10.0.1.10/24", noPrefixRoute: true }, ...put);
    const byText = (a: unknown, c: unknown) => (JSON.stringify(a) < JSON.stringify(c) ? -1 : 1);
    expect([...(await b.routes())].sort(byText)).toEqual([...routes].sort(byText));
    expect(
      ip(b, "route")
        .replaceAll(" proto static", "")
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual([
      "default via 10.0.1.1 dev eth0 src 10.0.1.10",
      "10.0.1.0/24 via 10.0.1.1 dev eth0 src 10.0.1.10 mtu 1300",
      "10.0.1.1 dev eth0 scope link src 10.0.1.10",
      "10.0.1.14 via 192.168.0.12 dev eth0 onlink",
      "10.0.1.20 dev eth0",
      "unreachable 10.0.9.0/24",
      "",
    ]);
    await twice(b, { do: "put-route", destination: "10.0.1.14/32", via: "192.168.0.13", device: "eth0", onlink: true });
    expect(await b.routes()).toHaveLength(routes.length);
    await twice(
      b,
      ...routes.map(({ destination, ...route }): NetlinkRequest => {
        return { do: "delete-route", destination, ...("table" in route && { table: route.table }) };
      }),
    );
    expect(await b.routes()).toEqual([]);
  });

  test("neighbours and FDB entries are what ip and bridge show", async () => {
    await using scene = new Scene();
    const node = await scene.namespace("n");
    const a = await scene.namespace("r");
    await node.netlink([vxlan(a, 5001)]);
    const neighbour = { device: "vx0", address: "192.168.0.12", mac: peerTunnel };
    const entry = { device: "vx0", mac: peerTunnel, destination: "192.168.0.12" };
    await twice(a, up("vx0"), { do: "put-neighbour", ...neighbour }, { do: "put-fdb", ...entry });
    expect(await a.neighbours()).toEqual([neighbour]);
    expect(await a.fdb()).toEqual([entry]);
    expect(pick(ipJson(a, "neigh", "show", "dev", "vx0"), "dst", "lladdr", "state")).toEqual([
      { dst: "192.168.0.12", lladdr: peerTunnel, state: ["PERMANENT"] },
    ]);
    expect(pick(bridgeJson(a, "fdb", "show", "dev", "vx0"), "mac", "dst", "flags", "state")).toEqual([
      { mac: peerTunnel, dst: "192.168.0.12", flags: ["self"], state: "permanent" },
    ]);
    await twice(a, { do: "put-fdb", ...entry, destination: "192.168.0.13" });
    await twice(a, { do: "put-neighbour", ...neighbour, mac: tunnel });
    expect(await a.fdb()).toEqual([{ ...entry, destination: "192.168.0.13" }]);
    expect(await a.neighbours()).toEqual([{ ...neighbour, mac: tunnel }]);
    await twice(
      a,
      { do: "delete-fdb", ...entry, destination: "192.168.0.13" },
      { do: "delete-neighbour", device: "vx0", address: "192.168.0.12" },
    );
    expect([await a.fdb(), await a.neighbours()]).toEqual([[], []]);
  });

  test("policy rules are what ip shows, the kernel's own left out", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("r");
    const rules = [
      { priority: 1000, mark: 0, not: true, table: 1000 },
      { priority: 1002, mark: 2, table: 1002 },
      { priority: 1003, mark: 3, mask: 0xff, table: 1003 },
    ];
    await twice(a, ...rules.map((rule): NetlinkRequest => ({ do: "add-rule", ...rule })));
    expect(await a.rules()).toEqual(rules);
    expect(
      ip(a, "rule")
        .split("\n")
        .map((line) => line.replace(/\s+/g, " ").trim()),
    ).toEqual([
      "0: from all lookup local",
      "1000: not from all fwmark 0 lookup 1000",
      "1002: from all fwmark 0x2 lookup 1002",
      "1003: from all fwmark 0x3/0xff lookup 1003",
      "32766: from all lookup main",
      "32767: from all lookup default",
      "",
    ]);
    await twice(a, ...rules.map((rule): NetlinkRequest => ({ do: "delete-rule", ...rule })));
    expect(await a.rules()).toEqual([]);
  });

  test("what is deleted may be long gone, its device too", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("r");
    await a.netlink([
      { do: "delete-link", name: "nothing" },
      { do: "delete-address", device: "nothing", address: "10.0.1.1/32" },
      { do: "delete-address", device: "lo", address: "10.0.1.1/32" },
      { do: "delete-route", destination: "10.0.1.0/24" },
      { do: "delete-route", destination: "default", table: 1002 },
      { do: "delete-neighbour", device: "nothing", address: "10.0.1.1" },
      { do: "delete-neighbour", device: "lo", address: "10.0.1.1" },
      { do: "delete-fdb", device: "nothing", mac: task, destination: "192.168.0.12" },
      { do: "delete-rule", priority: 1000, mark: 1, table: 1000 },
    ]);
  });

  test("an error names each request that failed as one would type it, and the rest is done", async () => {
    await using scene = new Scene();
    const a = await scene.namespace("r");
    const requests: NetlinkRequest[] = [
      { do: "put-route", destination: "10.9.0.0/16", via: "192.168.7.1" },
      { do: "add-address", device: "nothing", address: "10.0.1.1/32" },
      { do: "put-neighbour", device: "lo", address: "not an address", mac: task },
      { do: "add-address", device: "lo", address: "10.0.1.1/32" },
    ];
    await expect(a.netlink(requests)).rejects.toMatchObject({
      name: "KernelError",
      code: "ENETUNREACH",
      message: [
        "ip route replace 10.9.0.0/16 via 192.168.7.1: ENETUNREACH (Nexthop has invalid gateway)",
        'ip addr add 10.0.1.1/32 dev nothing: Cannot find device "nothing"',
        "ip neigh replace not an address lladdr 02:42:0a:00:01:0a dev lo nud permanent: not an IPv4 address: not an address",
      ].join("\n"),
    });
    expect(await a.addresses()).toContainEqual({ device: "lo", address: "10.0.1.1/32" });
  });

  test("packets flow between two nodes through the tunnels of their routers", async () => {
    await using scene = new Scene();
    const [nodeA, nodeB] = [await scene.namespace("na"), await scene.namespace("nb")];
    const [routerA, routerB] = [await scene.namespace("ra"), await scene.namespace("rb")];
    await nodeA.netlink([{ ...veth(nodeB), mtu: 1500 } as NetlinkRequest, up("v1")]);
    await nodeB.netlink([{ do: "set-link", name: "eth0", up: true, mtu: 1500 }]);
    await nodeA.netlink([{ do: "add-address", device: "v1", address: "192.168.0.11/24" }, vxlan(routerA, 5001)]);
    const tunnelB = { ...vxlan(routerB, 5001, { local: "192.168.0.12" }), mac: peerTunnel } as NetlinkRequest;
    await nodeB.netlink([{ do: "add-address", device: "eth0", address: "192.168.0.12/24" }, tunnelB]);
    for (const [here, own, other, mac, peer] of [
      [routerA, "10.0.1.1", "10.0.2.1", peerTunnel, "192.168.0.12"],
      [routerB, "10.0.2.1", "10.0.1.1", tunnel, "192.168.0.11"],
    ] as const) {
      await here.netlink([
        up("lo"),
        { do: "add-address", device: "lo", address: `${own}/32` },
        up("vx0"),
        { do: "put-neighbour", device: "vx0", address: peer, mac },
        { do: "put-fdb", device: "vx0", mac, destination: peer },
        { do: "put-route", destination: `${other}/32`, via: peer, device: "vx0", onlink: true, source: own },
      ]);
    }
    expect(await routerA.enter(() => probePathMtu("10.0.2.1", 1450))).toBe(1450);
    expect(await routerB.enter(() => probePathMtu("10.0.1.1", 1450))).toBe(1450);
  });

  test("500 requests in one batch are all answered", async () => {
    await using scene = new Scene();
    const [a] = await pair(scene);
    const routes = Array.from({ length: 500 }, (_, i): NetlinkRequest => {
      return { do: "put-route", destination: `10.${i >> 8}.${i & 255}.7/32`, device: "v1" };
    });
    await twice(a, ...routes);
    expect(await a.routes()).toHaveLength(500);
  });

  test("deleting links keeps the event loop free", async () => {
    await using scene = new Scene();
    const [a] = await pair(scene);
    let worst = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      worst = Math.max(worst, performance.now() - last);
      last = performance.now();
    }, 1);
    await a.netlink([{ do: "delete-link", name: "v1" }]);
    clearInterval(timer);
    expect(worst).toBeLessThan(12); // alone, the kernel's wait takes longer
  });
});
