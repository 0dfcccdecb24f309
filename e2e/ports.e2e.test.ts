import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Cluster, runCommand } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Clients, clientsSeen, errorOf, lines, shares } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, Operator, quick } from "./operator.ts";

const skep = fileURLToPath(new URL("../bin/skep", import.meta.url));
const whoami = ["web:local", "whoami", "80", "81", "82"] as const;

// Which ports services get, who else may have them, and that they are reached, through the docker CLI on three nodes.

describe.skipIf(clusterProblem())(`published ports of three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;
  let outside: string;

  const ip = (node: string) => cluster.machine(node).address;
  const start = (name: string, replicas: number, ...flags: readonly string[]) =>
    swarm.start(name, replicas, flags, whoami);
  const update = (name: string, ...flags: readonly string[]) =>
    swarm.docker("service", "update", "--detach", "--no-resolve-image", ...flags, name);
  const refusedToCreate = (...flags: readonly string[]) =>
    swarm.refusal("service", "create", ...quick, "--name", "refused", ...flags, ...whoami);
  const published = async (service: string): Promise<string[]> => {
    const { Endpoint } = await swarm.inspect(service);
    const ports: Port[] = Endpoint.Ports ?? [];
    return ports.map((port) => `${port.PublishedPort ?? "?"}:${port.TargetPort}/${port.Protocol}`).sort();
  };
  const status = async () => {
    const env = { ...process.env, DOCKER_HOST: `unix://${cluster.machine("node-1").paths.skepSocket}` };
    return (await runCommand([skep, "network", "status"], { env })).stdout;
  };
  /** Whether a process of the node may listen there. */
  const canListen = async (node: string, port: number, protocol = "tcp"): Promise<boolean> => {
    const bind =
      protocol === "tcp"
        ? `require("node:net").createServer().on("error", () => process.exit(9)).listen(${port}, "0.0.0.0", () => process.exit(0))`
        : `require("node:dgram").createSocket("udp4").on("error", () => process.exit(9)).bind(${port}, () => process.exit(0))`;
    const { code } = await cluster.exec(node, process.execPath, "-e", bind);
    expect([0, 9]).toContain(code);
    return code === 0;
  };
  /** A process of the node that listens and says "mine" until it is disposed of. */
  const listener = async (node: string, port: number): Promise<AsyncDisposable> => {
    const program =
      `require("node:net").createServer((socket) => socket.end("mine\\n")).listen(${port}, () => console.log("listening"));` +
      'process.stdin.resume().on("end", () => process.exit())';
    const command = await clients.commandFor({ node }, ["timeout", "60", process.execPath, "-e", program]);
    const child: ChildProcess = spawn(command[0] ?? "", command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
    if (child.stdout) await once(child.stdout, "data");
    const exit = once(child, "exit");
    return {
      [Symbol.asyncDispose]: async () => {
        child.stdin?.end();
        await exit;
      },
    };
  };
  const reaches = async (node: string, port: number, replicas = 1) => {
    const answers = await clients.tcp("outside", ip(node), port, 2 * replicas);
    expect(shares(answers)).toEqual(Array(replicas).fill(2));
    expect(clientsSeen(answers)).toEqual([outside]);
  };

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    outside = clients.outsideAddress;
    await swarm.docker("network", "create", "-d", "overlay", "net1");
  });

  afterEach(() => swarm.clear());

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  test("ports by TCP and UDP, and a range of them, are reached through every node", async () => {
    await start("web", 2, "-p", "8100-8102:80-82", "-p", "8100:80/udp");
    expect(await published("web")).toEqual(["8100:80/tcp", "8100:80/udp", "8101:81/tcp", "8102:82/tcp"]);
    for (const node of cluster.names) {
      for (const port of [8100, 8101, 8102]) await reaches(node, port, 2);
      const datagrams = await clients.udp("outside", ip(node), 8100, 4);
      expect(clientsSeen(datagrams)).toEqual([outside]);
    }
    const [udp] = await clients.udp("outside", ip("node-1"), 8101);
    expect(errorOf(udp)).toBe("ECONNREFUSED"); // published by TCP only
  });

  test("numbers are chosen from 30000 on, kept through updates, and given again", async () => {
    await start("first", 1, "-p", "80");
    await start("second", 1, "-p", "80", "-p", "81/udp");
    expect(await published("first")).toEqual(["30000:80/tcp"]);
    expect(await published("second")).toEqual(["30000:81/udp", "30001:80/tcp"]);
    await update("second", "--env-add", "A=b", "--publish-add", "82");
    await swarm.untilUpdate("second", "completed");
    expect(await published("second")).toEqual(expect.arrayContaining(["30001:80/tcp", "30000:81/udp", "30002:82/tcp"]));
    await reaches("node-2", 30001);
    await swarm.docker("service", "rm", "first");
    await start("third", 1, "-p", "80");
    expect(await published("third")).toEqual(["30000:80/tcp"]);
    await reaches("node-3", 30000);
  });

  test("ports are added and removed while tasks run on", async () => {
    await start("web", 1, "-p", "8110:80", "--constraint", "node.hostname==node-1");
    await update("web", "--publish-add", "8111:81", "--publish-rm", "80");
    await swarm.untilUpdate("web", "completed");
    expect(await published("web")).toEqual(["8111:81/tcp"]);
    for (const node of cluster.names) {
      await reaches(node, 8111);
      const [gone] = await clients.tcp("outside", ip(node), 8110);
      expect(errorOf(gone)).toBe("ECONNREFUSED");
    }
  });

  test("ports of the nodes' own are reached on the task's node only, on an overlay and on none", async () => {
    await Promise.all([
      start("plain", 1, "-p", "mode=host,published=8120,target=80", "--constraint", "node.hostname==node-1"),
      start("plain-udp", 1, "-p", "mode=host,published=8120,target=80,protocol=udp"),
      start("on-net", 2, "--network", "net1", "-p", "mode=host,published=8121,target=80"),
    ]);
    await reaches("node-1", 8120);
    const [elsewhere] = await clients.tcp("outside", ip("node-2"), 8120);
    expect(errorOf(elsewhere)).toBe("ECONNREFUSED");
    const [{ node = "" } = {}] = await swarm.running("plain-udp");
    expect(clientsSeen(await clients.udp("outside", ip(node), 8120, 2))).toEqual([outside]);
    const places = await swarm.places("on-net");
    expect(new Set(places).size).toBe(2); // one port, one node
    for (const place of places) await reaches(place, 8121);
  });

  test("a node chooses the number of its own port where none is given, and docker service ps shows it", async () => {
    await start("any", 2, "-p", "mode=host,target=80", "-p", "mode=host,target=80,protocol=udp");
    expect(await published("any")).toEqual(["?:80/tcp", "?:80/udp"]);
    const rows = (await swarm.docker("service", "ps", "--format", "{{.Node}} {{.Ports}}", "any")).trim().split("\n");
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      // as the engine has each port twice, for IPv4 and IPv6, the CLI shows it twice
      const [node = "", ports = ""] = row.split(" ");
      const [tcp, udp] = ["tcp", "udp"].map((protocol) =>
        Number(new RegExp(`\\*:(\\d+)->80/${protocol}`).exec(ports)?.[1]),
      );
      expect({ row, tcp, udp }).toEqual({ row, tcp: expect.any(Number), udp: expect.any(Number) });
      expect(Math.min(tcp ?? 0, udp ?? 0)).toBeGreaterThanOrEqual(32_768);
      await reaches(node, Number(tcp));
      expect(clientsSeen(await clients.udp("outside", ip(node), Number(udp), 1))).toEqual([outside]);
    }
  });

  test("conflicts are refused in Docker's words", async () => {
    await start("web", 1, "-p", "8130:80");
    await start("own", 1, "-p", "mode=host,published=8131,target=80");
    const [webId, ownId] = [(await swarm.inspect("web")).ID, (await swarm.inspect("own")).ID];
    const asIngress = `port '8130' is already in use by service 'web' (${webId}) as an ingress port`;
    const asHost = `port '8131' is already in use by service 'own' (${ownId}) as a host-published port`;
    expect(await refusedToCreate("-p", "8130:81")).toContain(asIngress);
    expect(await refusedToCreate("-p", "mode=host,published=8130,target=80")).toContain(asIngress);
    expect(await refusedToCreate("-p", "8131:80")).toContain(asHost);
    expect(await swarm.refusal("service", "update", "-d", "--publish-add", "8130:82", "own")).toContain(asIngress);
    expect(await refusedToCreate("-p", "8132:80", "-p", "8132:81")).toMatch(
      /duplicate published ports provided|conflicting port mapping/,
    );
    expect(await refusedToCreate("-p", "8132:80", "--endpoint-mode", "dnsrr")).toMatch(
      /port published with ingress mode can't be used with dnsrr mode/,
    );
    await start("udp", 1, "-p", "8130:80/udp"); // another protocol is another port
    await start("same", 1, "-p", "mode=host,published=8131,target=80"); // on another node
    const places = [...(await swarm.places("own")), ...(await swarm.places("same"))];
    expect(new Set(places).size).toBe(2);
  });

  test("a port is refused on which a process of some node listens, naming both; chosen ones go past it", async () => {
    await using _taken = await listener("node-2", 8140);
    await using _first = await listener("node-3", 30000);
    const message = /port '8140' is already in use on node node-2 by node \(pid \d+\)/;
    expect(await refusedToCreate("-p", "8140:80")).toMatch(message);
    await start("web", 1, "-p", "80");
    expect(await published("web")).toEqual(["30001:80/tcp"]);
    expect(await swarm.refusal("service", "update", "-d", "--publish-add", "8140:82", "web")).toMatch(message);
  });

  test("a port is held on every node for as long as it is published", async () => {
    await start("web", 1, "-p", "8150:80", "-p", "8151:80/udp");
    for (const node of cluster.names) {
      expect(await canListen(node, 8150)).toBe(false);
      expect(await canListen(node, 8151, "udp")).toBe(false);
      expect(await canListen(node, 8151)).toBe(true);
    }
    await swarm.clear();
    for (const node of cluster.names) {
      await eventually(async () => {
        expect(await canListen(node, 8150)).toBe(true);
        expect(await canListen(node, 8151, "udp")).toBe(true);
      });
    }
  });

  test("a process that takes a port while skepd is away keeps it, and the node says so", async () => {
    await start("web", 1, "-p", "8160:80", "--constraint", "node.hostname==node-1");
    await cluster.killSkepd("node-3");
    await using _taken = await listener("node-3", 8160);
    await cluster.startSkepd("node-3");
    await eventually(async () =>
      expect(await status()).toMatch(
        /node-3: port tcp\/8160: not published on this node: node \(pid \d+\) listens there/,
      ),
    );
    expect(lines(await clients.tcp("outside", ip("node-3"), 8160, 2))).toEqual(["mine", "mine"]);
    for (const node of ["node-1", "node-2"]) await reaches(node, 8160);
  });

  describe("beside a firewall that forwards nothing", () => {
    const egress = async (container: string) => {
      const [answer] = await clients.tcp({ node: "node-1", container }, ip("node-2"), 8171);
      expect(clientsSeen(answer ? [answer] : [])).toEqual([ip("node-1")]);
    };
    const must = async (...command: readonly string[]) =>
      expect(await cluster.exec("node-1", ...command)).toMatchObject({ code: 0, stderr: "" });

    const open = ["iptables", "-P", "FORWARD", "ACCEPT"];
    const close = ["iptables", "-P", "FORWARD", "DROP"];
    const empty = ["iptables", "-F", "DOCKER-USER"];
    test.each([
      ["its policy becomes DROP", [open, empty], [close]],
      ["somebody empties DOCKER-USER", [close], [empty]],
    ])("the mesh and the way out work again within 3 s when %s", async (_when, before, change) => {
      await start("far", 1, "-p", "8170:80", "--constraint", "node.hostname==node-3");
      await start("target", 1, "-p", "mode=host,published=8171,target=80", "--constraint", "node.hostname==node-2");
      await start("near", 1, "--network", "net1", "-p", "8172:80", "--constraint", "node.hostname==node-1");
      const [near] = await swarm.running("near");
      const all = async () => {
        await reaches("node-1", 8170);
        await reaches("node-1", 8172);
        await egress(near?.id ?? "");
      };
      for (const command of before) await must(...command);
      await eventually(all, 3000);
      for (const command of change) await must(...command);
      await eventually(all, 3000);
      expect((await cluster.exec("node-1", "iptables", "-S")).stdout).toContain("-P FORWARD DROP");
    });
  });
});

interface Port {
  readonly Protocol: string;
  readonly TargetPort: number;
  readonly PublishedPort?: number;
}
