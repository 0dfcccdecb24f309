import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  endpoint,
  ingressNet,
  ingressOverlay,
  nodeId,
  overlay,
  peer,
  sandbox,
  service,
  startNode,
  type TestNode,
  webNet,
} from "./test-network.ts";

const base = [overlay(webNet), peer(1), peer(2), peer(3)];
const router = "skep-netweb000000";
let nodes: TestNode[] = [];

afterEach(async () => {
  for (const { network, folder } of nodes) {
    await network[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
  nodes = [];
});

async function node(...records: Parameters<typeof startNode>[0]): Promise<TestNode> {
  const started = await startNode([...base, ...records]);
  nodes.push(started);
  started.kernel.takeLog();
  return started;
}

test("a network has no router on a node where nobody is on it", async () => {
  const { kernel } = await node(service("web"), endpoint("t2", 2, "10.0.1.12"));
  expect([...kernel.namespaces.keys()]).toEqual(["host"]);
});

test("a network's router comes with its first endpoint here, and goes with the last", async () => {
  const { kernel, network } = await node(service("web"), endpoint("t2", 2, "10.0.1.12"));
  await network.change(2, [endpoint("t1", 1, "10.0.1.11", { state: "starting" })], []);
  expect(kernel.takeLog().map((line) => line.replace(`${router}: `, "R "))).toEqual([
    `ip netns add ${router}`,
    "R sysctl -w net.ipv4.ip_forward=1",
    "R sysctl -w net.ipv4.conf.all.rp_filter=0",
    "R sysctl -w net.ipv4.conf.default.rp_filter=0",
    "R sysctl -w net.ipv4.conf.all.send_redirects=0",
    "R sysctl -w net.ipv4.conf.default.send_redirects=0",
    "R sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1",
    "R sysctl -w net.ipv6.conf.all.disable_ipv6=1",
    `ip link add vx0 netns ${router} address 02:58:c0:a8:00:0b mtu 1450 type vxlan id 4097 local 192.168.0.11 dstport 4789 nolearning`,
    "R ip addr add 10.0.1.1/32 dev lo",
    "R ip link set vx0 up",
    "R ip link set lo up",
    "R ip neigh replace 192.168.0.12 lladdr 02:58:c0:a8:00:0c dev vx0 nud permanent",
    "R bridge fdb replace 02:58:c0:a8:00:0c dev vx0 dst 192.168.0.12 self permanent",
    "R ip route replace unreachable 10.0.1.0/24",
    "R ip route replace 10.0.1.12/32 via 192.168.0.12 dev vx0 onlink",
    "R nft add table ip skep",
    "R nft add set ip skep hairpin { type ipv4_addr . ipv4_addr; }",
    "R nft add set ip skep vips { type ipv4_addr; }",
    "R nft add map ip skep svc { type ipv4_addr : verdict; }",
    "R nft add chain ip skep svc_10_0_1_100",
    "R nft add chain ip skep vip_dnat { type nat hook prerouting priority -100; policy accept; }",
    "R nft add chain ip skep nobackend { type filter hook prerouting priority -90; policy accept; }",
    "R nft add chain ip skep vip_snat { type nat hook postrouting priority 100; policy accept; }",
    "R nft add chain ip skep forward { type filter hook forward priority 0; policy accept; }",
    "R nft add chain ip skep input { type filter hook input priority 0; policy drop; }",
    "R nft add rule ip skep svc_10_0_1_100 dnat to numgen inc mod 1 map { 0 : 10.0.1.12 }",
    expect.stringMatching(/add rule ip skep vip_dnat meta l4proto icmp ip daddr @vips dnat to 10\.0\.1\.1 comment/),
    expect.stringMatching(/add rule ip skep vip_dnat ip daddr vmap @svc comment/),
    expect.stringMatching(/add rule ip skep nobackend ip daddr @vips meta l4proto tcp reject with tcp reset comment/),
    expect.stringMatching(/add rule ip skep nobackend ip daddr @vips reject with icmp type port-unreachable comment/),
    expect.stringMatching(
      /add rule ip skep nobackend tcp flags .* fib daddr oif missing reject with tcp reset comment/,
    ),
    expect.stringMatching(/add rule ip skep vip_snat ip saddr \. ip daddr @hairpin snat to 10\.0\.1\.1 comment/),
    expect.stringMatching(/add rule ip skep forward ct state invalid drop comment/),
    expect.stringMatching(/add rule ip skep forward tcp flags syn tcp option maxseg size set rt mtu comment/),
    expect.stringMatching(/add rule ip skep input ct state established,related accept comment/),
    expect.stringMatching(/add rule ip skep input icmp type echo-request accept comment/),
    "R nft add element ip skep vips { 10.0.1.100 }",
    "R nft add element ip skep svc { 10.0.1.100 : goto svc_10_0_1_100 }",
  ]);
  await network.change(3, [], ["endpoint/t1"]);
  expect(kernel.takeLog()).toEqual([`${router}: ip link del vx0`, `ip netns del ${router}`]);
});

test("one endpoint more rewrites its service's chain alone, turned by one", async () => {
  const { kernel, network } = await node(
    service("web"),
    service("db", { networks: [{ networkId: webNet, vip: "10.0.1.101", aliases: [] }] }),
    endpoint("t1", 1, "10.0.1.11"),
    endpoint("t2", 2, "10.0.1.12"),
  );
  await network.change(2, [endpoint("t3", 3, "10.0.1.13")], []);
  expect(kernel.takeLog()).toEqual([
    `${router}: ip neigh replace 192.168.0.13 lladdr 02:58:c0:a8:00:0d dev vx0 nud permanent`,
    `${router}: bridge fdb replace 02:58:c0:a8:00:0d dev vx0 dst 192.168.0.13 self permanent`,
    `${router}: ip route replace 10.0.1.13/32 via 192.168.0.13 dev vx0 onlink`,
    `${router}: nft flush chain ip skep svc_10_0_1_100`,
    `${router}: nft add rule ip skep svc_10_0_1_100 dnat to numgen inc mod 3 map { 0 : 10.0.1.13, 1 : 10.0.1.11, 2 : 10.0.1.12 }`,
  ]);
});

test("a draining endpoint keeps its route and loses its UDP connections, a gone one all", async () => {
  const { kernel, network } = await node(
    service("web"),
    endpoint("t1", 1, "10.0.1.11"),
    endpoint("t2", 2, "10.0.1.12"),
  );
  await network.change(2, [endpoint("t2", 2, "10.0.1.12", { state: "draining" })], []);
  expect(kernel.takeLog()).toEqual([
    `${router}: nft flush chain ip skep svc_10_0_1_100`,
    `${router}: nft add rule ip skep svc_10_0_1_100 dnat to numgen inc mod 1 map { 0 : 10.0.1.11 }`,
    `${router}: conntrack -D protocol=udp replySource=10.0.1.12`,
  ]);
  await network.change(3, [], ["endpoint/t2"]);
  expect(kernel.takeLog()).toEqual([
    `${router}: ip route del 10.0.1.12/32`,
    `${router}: bridge fdb del 02:58:c0:a8:00:0c dev vx0 dst 192.168.0.12 self`,
    `${router}: ip neigh del 192.168.0.12 dev vx0`,
    `${router}: conntrack -D replySource=10.0.1.12`,
  ]);
});

test("a service that goes takes its elements before its chain", async () => {
  const { kernel, network } = await node(service("web"), endpoint("t1", 1, "10.0.1.11", { state: "starting" }));
  await network.change(2, [], ["service/web"]);
  expect(kernel.takeLog()).toEqual([
    `${router}: nft delete element ip skep vips { 10.0.1.100 }`,
    `${router}: nft delete element ip skep svc { 10.0.1.100 : goto svc_10_0_1_100 }`,
    `${router}: nft flush chain ip skep svc_10_0_1_100`,
    `${router}: nft delete chain ip skep svc_10_0_1_100`,
  ]);
});

test("nothing is sent to a node that is down", async () => {
  const { kernel, network } = await node(
    service("web"),
    endpoint("t1", 1, "10.0.1.11"),
    endpoint("t2", 2, "10.0.1.12"),
  );
  await network.change(2, [peer(2, { down: true })], []);
  expect(kernel.takeLog()).toEqual([
    `${router}: nft flush chain ip skep svc_10_0_1_100`,
    `${router}: nft add rule ip skep svc_10_0_1_100 dnat to numgen inc mod 1 map { 0 : 10.0.1.11 }`,
    `${router}: ip route del 10.0.1.12/32`,
    `${router}: conntrack -D replySource=10.0.1.12`,
  ]);
});

test("a container is given both ends of its interfaces", async () => {
  const { kernel, network } = await node(service("web"), endpoint("t77", 1, "10.0.1.11", { state: "starting" }));
  kernel.addProcess(77);
  await network.attach(sandbox(77, "10.0.1.11"));
  expect(kernel.takeLog()).toEqual([
    `${router}: ip link add v0a00010b address 02:53:00:00:00:01 mtu 1450 type veth peer name eth0 address 02:42:0a:00:01:0b mtu 1450 netns 77`,
    `${router}: sysctl -w net.ipv4.conf.v0a00010b.rp_filter=1`,
    `${router}: ip link set v0a00010b up`,
    `${router}: ip neigh replace 10.0.1.11 lladdr 02:42:0a:00:01:0b dev v0a00010b nud permanent`,
    `${router}: ip route replace 10.0.1.11/32 dev v0a00010b`,
    "77: ip link set eth0 mtu 1450",
    "77: ip addr add 10.0.1.11/24 dev eth0 noprefixroute",
    "77: ip link set eth0 up",
    "77: ip link set lo up",
    "77: ip neigh replace 10.0.1.1 lladdr 02:53:00:00:00:01 dev eth0 nud permanent",
    "77: ip route replace 10.0.1.1/32 dev eth0 scope link src 10.0.1.11",
    "77: ip route replace 10.0.1.0/24 via 10.0.1.1 dev eth0 src 10.0.1.11",
    `${router}: nft add element ip skep hairpin { 10.0.1.11 . 10.0.1.11 }`,
    "77: nft add table ip skepdns",
    "77: nft add chain ip skepdns out { type filter hook output priority -300; policy accept; }",
    "77: nft flush chain ip skepdns out",
    expect.stringMatching(/^77: nft add rule ip skepdns out ip daddr 127\.0\.0\.11 udp dport 53 .* dport set 40001/),
    expect.stringMatching(/^77: nft add rule ip skepdns out ip saddr 127\.0\.0\.11 udp sport 40001 .* sport set 53/),
    expect.stringMatching(/^77: nft add rule ip skepdns out ip daddr 127\.0\.0\.11 tcp dport 53 .* dport set 40002/),
    expect.stringMatching(/^77: nft add rule ip skepdns out ip saddr 127\.0\.0\.11 tcp sport 40002 .* sport set 53/),
  ]);
  await network.attach(sandbox(77, "10.0.1.11"));
  expect(kernel.takeLog()).toEqual([]);
});

test("a published port sends to the tasks' ingress addresses, from the node and from its containers", async () => {
  const { kernel, network } = await node(ingressOverlay);
  const task = (id: string, index: number) =>
    endpoint(id, index, "", { networks: [{ networkId: ingressNet, address: `10.0.0.1${index}/24`, aliases: [] }] });
  await network.change(
    2,
    [
      service("web", {
        networks: [{ networkId: ingressNet, aliases: [] }],
        ports: [{ protocol: "tcp", published: 8080, target: 80 }],
      }),
      task("t2", 2),
      task("t3", 3),
    ],
    [],
  );
  const rule = "meta l4proto tcp dnat to numgen inc mod 2 map { 0 : 10.0.0.13, 1 : 10.0.0.12 }:80";
  expect(kernel.takeLog()).toEqual([
    "skep-gw: ip route replace 10.0.0.12/32 via 192.168.0.12 dev vx0 onlink",
    "skep-gw: ip route replace 10.0.0.13/32 via 192.168.0.13 dev vx0 onlink",
    "nft add chain ip skep pub_tcp_8080",
    `nft add rule ip skep pub_tcp_8080 ${rule}`,
    "nft add element ip skep ports { tcp . 8080 : goto pub_tcp_8080 }",
    "nft add element ip skep held { tcp . 8080 }",
    "skep-gw: nft add chain ip skep pub_tcp_8080",
    `skep-gw: nft add rule ip skep pub_tcp_8080 ${rule}`,
    "skep-gw: nft add element ip skep ports { tcp . 8080 : goto pub_tcp_8080 }",
    "skep-gw: nft add element netdev skep via { 10.0.0.12 : 02:58:c0:a8:00:0c, 10.0.0.13 : 02:58:c0:a8:00:0d }",
  ]);
  // a way that takes smaller packets has to be routed, so that the sender is told
  await network.setPathMtu(nodeId(2), 1400);
  expect(kernel.takeLog()).toEqual([
    "skep-gw: ip route replace default via 192.168.0.12 dev vx0 onlink mtu 1350 table 1002",
    "skep-gw: ip route replace 10.0.0.12/32 via 192.168.0.12 dev vx0 onlink mtu 1350",
    "skep-gw: nft delete element ip skep ways { 2 : 3232235532 }",
    "skep-gw: nft delete element netdev skep via { 10.0.0.12 : 02:58:c0:a8:00:0c }",
  ]);
});

test("started again, it touches nothing that is right", async () => {
  const first = await node(
    ingressOverlay,
    service("web"),
    endpoint("t77", 1, "10.0.1.11"),
    endpoint("t2", 2, "10.0.1.12"),
  );
  first.kernel.addProcess(77);
  await first.network.attach(sandbox(77, "10.0.1.11"));
  first.kernel.takeLog();
  const records = [...first.network.records.values()];
  await first.network[Symbol.asyncDispose]();
  const second = await startNode([], first);
  expect([...second.network.sandboxes.keys()]).toEqual([sandbox(77, "10.0.1.11").containerId]);
  expect(second.dns.zones.get(webNet)?.names.get("web")?.addresses).toEqual(["10.0.1.100"]);
  expect(second.network.revision).toBe(0);
  await second.network.replaceAll(5, records);
  expect(first.kernel.takeLog()).toEqual([]);
  expect(second.network.revision).toBe(5);
  await second.network[Symbol.asyncDispose]();
});

test("started again with records that are a moment old, it waits for the manager's before it touches the kernel", async () => {
  const first = await node(ingressOverlay, service("web"), endpoint("t1", 1, "10.0.1.11"));
  const old = [...first.network.records.values()];
  await first.network.change(2, [], ["endpoint/t1"]);
  const records = [...first.network.records.values()];
  await first.network[Symbol.asyncDispose]();
  await writeFile(join(first.folder, "records.json"), JSON.stringify({ revision: 1, records: old }));
  first.kernel.takeLog();
  const second = await startNode([], first);
  expect(first.kernel.takeLog()).toEqual([]);
  await second.network.replaceAll(2, records);
  expect([...first.kernel.namespaces.keys()]).toEqual(["host", "skep-gw"]);
  await second.network[Symbol.asyncDispose]();
});

test("many peers share one rule and one route", async () => {
  const { kernel } = await node(ingressOverlay, ...Array.from({ length: 60 }, (_, i) => peer(i + 4)));
  const gateway = kernel.namespaces.get("skep-gw");
  expect(await gateway?.rules()).toEqual([{ priority: 1000, mark: 0, mask: 0xffffffff, not: true, table: 1000 }]);
  expect(gateway?.nftables.text()).toContain("table netdev skep");
});

test("tells what it does not carry out", async () => {
  const { network } = await node(service("web"), endpoint("t1", 1, "10.0.1.11"));
  expect(network.inspect()).toMatchObject({
    revision: 1,
    routers: [{ namespace: router, network: { id: webNet, name: "web" }, state: "as-recorded", services: 1 }],
    problems: [],
  });
});
