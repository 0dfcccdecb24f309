import { Cluster } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clients, clientsSeen, errorOf, inside, lines, shares } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { addressOn, vipOf } from "./networks.ts";
import { clusterProblem, Operator, quick } from "./operator.ts";

// The functional results that the data plane was designed for (docs/packet.md), each through the docker CLI and real
// containers on three nodes.

const whoami = ["web:local", "whoami", "80", "9999"] as const;

describe.skipIf(clusterProblem())(`the data plane of three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;

  const start = (name: string, replicas: number, ...flags: readonly string[]) =>
    swarm.start(name, replicas, flags, whoami);
  const ip = (node: string) => cluster.machine(node).address;

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    await swarm.docker("network", "create", "-d", "overlay", "net1");
    await swarm.docker("network", "create", "-d", "overlay", "net2");
    await Promise.all([
      start("web", 5, "--network", "net1"),
      start("client", 1, "--network", "net1", "--constraint", "node.hostname==node-1"),
      start("both", 1, "--network", "net1", "--network", "net2", "--constraint", "node.hostname==node-2"),
      start("other", 2, "--network", "net2"),
      start("empty", 1, "--network", "net1"),
      start("mesh", 5, "--publish", "8080:80", "--publish", "9999:9999/udp"),
      start("far", 1, "--publish", "8081:80", "--constraint", "node.hostname==node-3"),
    ]);
    await swarm.docker("service", "scale", "-d", "empty=0");
    await eventually(async () => expect(await swarm.running("empty")).toEqual([]));
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  describe("a virtual IP", () => {
    test("spreads 1,000 connections exactly evenly over five tasks on three nodes, which see the client", async () => {
      const client = await swarm.firstOf("client");
      const answers = await clients.tcp(inside(client), await vipOf(swarm, "web"), 80, 1000);
      expect(shares(answers)).toEqual([200, 200, 200, 200, 200]);
      expect(clientsSeen(answers)).toEqual([await addressOn(swarm, client, "net1")]);
    });

    test("spreads packets of new sockets over all tasks", async () => {
      const client = await swarm.firstOf("client");
      const answers = await clients.udp(inside(client), await vipOf(swarm, "web"), 9999, 500);
      const counts = shares(answers);
      expect(counts).toHaveLength(5);
      // a client port that is used again within the kernel's 30 s goes where it went before
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(90);
      expect(clientsSeen(answers)).toEqual([await addressOn(swarm, client, "net1")]);
    });

    test("reaches a backend that calls it as often as the others", async () => {
      const backend = await swarm.firstOf("web");
      const answers = await clients.tcp(inside(backend), await vipOf(swarm, "web"), 80, 100);
      expect(shares(answers)).toEqual([20, 20, 20, 20, 20]);
      const gateway = (await vipOf(swarm, "web")).replace(/\.\d+$/, ".1");
      expect(clientsSeen(answers)).toEqual([gateway, await addressOn(swarm, backend, "net1")].sort());
      const datagrams = await clients.udp(inside(backend), await vipOf(swarm, "web"), 9999, 50);
      expect(shares(datagrams)).toHaveLength(5);
    });

    test("refuses at once without a backend, and answers a ping", async () => {
      const client = inside(await swarm.firstOf("client"));
      const vip = await vipOf(swarm, "empty");
      const [tcp] = await clients.tcp(client, vip, 80);
      expect(tcp).toMatchObject({ error: "ECONNREFUSED" });
      expect(tcp && "afterMs" in tcp ? tcp.afterMs : 0).toBeLessThan(500);
      const [udp] = await clients.udp(client, vip, 9999);
      expect(errorOf(udp)).toBe("ECONNREFUSED");
      for (const address of [vip, await vipOf(swarm, "web")]) {
        const ping = await clients.run(client, "busybox", "ping", "-c", "1", "-W", "2", address);
        expect(ping).toMatchObject({ code: 0 });
      }
    });
  });

  describe("isolation", () => {
    test("a container on two networks reaches both, with its address in each", async () => {
      const both = await swarm.firstOf("both");
      const web = await clients.tcp(inside(both), await vipOf(swarm, "web"), 80, 5);
      expect(clientsSeen(web)).toEqual([await addressOn(swarm, both, "net1")]);
      const other = await clients.tcp(inside(both), await vipOf(swarm, "other"), 80, 4);
      expect(shares(other)).toEqual([2, 2]);
      expect(clientsSeen(other)).toEqual([await addressOn(swarm, both, "net2")]);
    });

    test("a container reaches neither virtual IPs nor tasks of a network it is not on", async () => {
      const client = inside(await swarm.firstOf("client"));
      for (const address of [
        await vipOf(swarm, "other"),
        await addressOn(swarm, await swarm.firstOf("other"), "net2"),
      ]) {
        const [answer] = await clients.tcp(client, address, 80);
        expect(errorOf(answer)).toMatch(/^E(HOSTUNREACH|NETUNREACH|CONNREFUSED)$/);
        expect(answer && "afterMs" in answer ? answer.afterMs : 0).toBeLessThan(500);
      }
    });

    test("a container does not reach what its node serves, which the LAN does", async () => {
      const program = 'require("node:net").createServer((socket) => socket.end("secret\\n")).listen(7777)';
      const server = cluster.exec("node-1", "timeout", "5", process.execPath, "-e", program);
      await eventually(async () => {
        expect(lines(await clients.tcp("outside", ip("node-1"), 7777))).toEqual(["secret"]);
      });
      const client = inside(await swarm.firstOf("client"));
      for (const address of [ip("node-1"), "169.254.254.1"]) {
        const [answer] = await clients.tcp(client, address, 7777);
        expect(errorOf(answer)).toMatch(/^E(HOSTUNREACH|CONNREFUSED|ACCES|NETUNREACH)$/);
      }
      expect(lines(await clients.tcp("outside", ip("node-1"), 7777))).toEqual(["secret"]);
      await server;
    });

    test("nobody reaches a task's gateway address directly: no container, no host of the LAN", async () => {
      const address = await addressOn(swarm, await swarm.firstOf("mesh"), "ingress");
      expect(address).toMatch(/^10\.0\.0\./);
      const [fromContainer] = await clients.tcp(inside(await swarm.firstOf("client")), address, 80);
      expect(errorOf(fromContainer)).toBeDefined();
      const route = `${address}/32`;
      await clients.run("outside", "ip", "route", "add", route, "via", ip("node-1"));
      try {
        const [fromLan] = await clients.tcp("outside", address, 80);
        expect(errorOf(fromLan)).toBeDefined();
      } finally {
        await clients.run("outside", "ip", "route", "del", route);
      }
    });
  });

  describe("the routing mesh", () => {
    test("spreads connections from outside exactly evenly at every node, and tasks see the client", async () => {
      for (const node of cluster.names) {
        const answers = await clients.tcp("outside", ip(node), 8080, 50);
        expect(shares(answers)).toEqual([10, 10, 10, 10, 10]);
        expect(clientsSeen(answers)).toEqual([clients.outsideAddress]);
        const datagrams = await clients.udp("outside", ip(node), 9999, 25);
        expect(shares(datagrams)).toHaveLength(5);
        expect(clientsSeen(datagrams)).toEqual([clients.outsideAddress]);
      }
    });

    test("brings every node to a task that only one of them runs", async () => {
      for (const node of cluster.names) {
        const answers = await clients.tcp("outside", ip(node), 8081, 10);
        expect(clientsSeen(answers)).toEqual([clients.outsideAddress]);
      }
    });

    test("works from the nodes themselves: own address, 127.0.0.1, another node's", async () => {
      for (const address of [ip("node-1"), "127.0.0.1", ip("node-2")]) {
        const answers = await clients.tcp({ node: "node-1" }, address, 8080, 10);
        expect(shares(answers)).toEqual([2, 2, 2, 2, 2]);
        expect(clientsSeen(answers)).toEqual([ip("node-1")]);
        expect(shares(await clients.udp({ node: "node-1" }, address, 9999, 10)).length).toBeGreaterThan(1);
      }
    });

    test("works from containers, and from a backend to its own service", async () => {
      const client = inside(await swarm.firstOf("client"));
      for (const node of cluster.names) {
        expect(shares(await clients.tcp(client, ip(node), 8080, 10))).toEqual([2, 2, 2, 2, 2]);
      }
      const backend = inside(await swarm.firstOf("mesh"));
      expect(shares(await clients.tcp(backend, ip("node-2"), 8080, 10))).toEqual([2, 2, 2, 2, 2]);
      expect(shares(await clients.udp(backend, ip("node-2"), 9999, 10)).length).toBeGreaterThan(1);
    });

    test("keeps connections apart that come from one client port through three nodes to one task", async () => {
      const held = await Promise.all(
        cluster.names.map((node) => clients.hold("outside", ip(node), 8081, { clientPort: 45_678 })),
      );
      try {
        const greetings = await Promise.all(held.map((one) => one.next()));
        const seen = lines(greetings).map((line) => line.split(" ")[1] ?? "");
        expect(new Set(seen.map((peer) => peer.replace(/:\d+$/, "")))).toEqual(new Set([clients.outsideAddress]));
        expect(new Set(seen).size).toBe(3);
        for (const one of held) expect(await one.ask("still here")).toEqual({ line: "still here" });
      } finally {
        for (const one of held) await one[Symbol.asyncDispose]();
      }
    });

    test("passes packets as large as the client's own MTU, and larger ones in fragments", async () => {
      for (const bytes of [1472, 4000]) {
        // the first may be the one by which the client learns the path's MTU
        await clients.udp("outside", ip("node-1"), 9999, 2, bytes);
        const answers = await clients.udp("outside", ip("node-1"), 9999, 5, bytes);
        expect(lines(answers).map((line) => line.split(" ")[2])).toEqual(Array(5).fill(`${bytes}`));
      }
    });
  });

  test("a container has its interfaces and routes before its first instruction", async () => {
    await swarm.docker(
      ...["service", "create", ...quick, "--name", "early", "--network", "net1"],
      ...["web:local", "sh", "-c", "ip -o -4 addr; ip route; nslookup web 127.0.0.11; sleep 100000"],
    );
    await swarm.untilRunning("early", 1);
    const container = await swarm.firstOf("early");
    const address = await addressOn(swarm, container, "net1");
    const seen = async () => (await cluster.engine(container.node, "logs", container.id)).stdout;
    const vip = await vipOf(swarm, "web");
    await eventually(async () => expect(await seen()).toContain(vip));
    expect(await seen()).toMatch(new RegExp(`eth0 +inet ${address.replaceAll(".", "\\.")}/24`));
    expect(await seen()).toMatch(/^default via 169\.254\.1\.1 dev eth1/m);
    await swarm.docker("service", "rm", "early");
  });

  test("a container has a name in its own hosts file, and its networks in docker inspect", async () => {
    const client = await swarm.firstOf("client");
    const address = await addressOn(swarm, client, "net1");
    const { stdout } = await cluster.docker(client.node, "exec", client.id, "cat", "/etc/hosts", "/etc/resolv.conf");
    expect(stdout).toContain(`${address}\t${client.id.slice(0, 12)}`);
    expect(stdout).toMatch(/^nameserver 127\.0\.0\.11$/m);
    const [inspected] = JSON.parse((await cluster.docker(client.node, "inspect", client.id)).stdout);
    expect(inspected.NetworkSettings.Networks.net1).toMatchObject({ IPAddress: address, IPPrefixLen: 24 });
  });
});
