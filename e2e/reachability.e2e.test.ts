import { createServer } from "node:net";
import { bare } from "@skep/model";
import { Cluster } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clients, clientsSeen, errorOf, type From, inside } from "./clients.ts";
import { type AddressedTask, deployStack, type NamedNetwork } from "./networks.ts";
import { clusterProblem, Operator, type TaskContainer } from "./operator.ts";
import { type Cell, reachOf, renderFailures, type Source, type Target } from "./reachability.ts";
import { keepInside, Stranger } from "./stranger.ts";
import { vxlanPacket } from "./vxlan-packet.ts";

// Who reaches whom: services reach one another if and only if they share a network, and what is published is reached
// from everywhere. The expectation is computed (`reachability.ts`); the matrix is tried whole.

/** The networks of each service, and what it publishes: `demo` is one stack, `shop` another. */
const demo = `
version: "3.7"
x-service: &service
  image: web:local
  command: whoami 80 9999
  stop_grace_period: 1s
  deploy: { replicas: 2 }
services:
  proxy:
    <<: *service
    networks: [proxy]
    ports: ["8080:80", "9998:9999/udp"]
  go-demo: { <<: *service, networks: [proxy, backend] }
  go-demo-db: { <<: *service, networks: [backend] }
  audit: { <<: *service, networks: [backend, vault] }
  vault: { <<: *service, networks: [vault] }
networks:
  proxy: { external: true }
  backend: { driver: overlay }
  vault: { driver: overlay, internal: true }
`;
const shop = `
version: "3.7"
services:
  main:
    image: web:local
    command: whoami 80 9999
    stop_grace_period: 1s
    deploy: { replicas: 2 }
`;
const replicas = { demo_proxy: 2, "demo_go-demo": 2, "demo_go-demo-db": 2, demo_audit: 2, demo_vault: 2, shop_main: 2 };
const closedPort = 81;
const publishedTcp = 8080;
const publishedUdp = 9998;

describe.skipIf(clusterProblem())(`who reaches whom ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;
  let stranger: Stranger;
  let places: readonly (readonly [Source, From])[];
  let targets: readonly Target[];
  let networks: readonly NamedNetwork[];
  const containers = new Map<string, TaskContainer>();

  const from = (service: string): From => {
    const container = containers.get(service);
    if (!container) throw new Error(`no container of ${service}`);
    return inside(container);
  };
  const node = (name: string) => cluster.machine(name).address;
  const target = (name: string) => targets.filter((each) => each.name.startsWith(name));
  const taskAddress = (service: string, network: string): string => {
    const { node: on, taskId } = containers.get(service) ?? {};
    const found = target(`${service} task ${network} `).find(({ name }) => name.endsWith(`${taskId} ${on}`));
    return found?.host ?? "";
  };

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 3 });
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    stranger = await Stranger.join(cluster);
    await keepInside(cluster);
    // it takes every node for its router
    await stranger.ip("route", "add", "default", "via", node("node-2"));
    await swarm.docker("network", "create", "-d", "overlay", "proxy");
    await deployStack(swarm, "demo", demo);
    await deployStack(swarm, "shop", shop);
    for (const [service, count] of Object.entries(replicas)) await swarm.untilRunning(service, count);
    await lookAround();
  });

  afterAll(async () => {
    await stranger?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  async function lookAround(): Promise<void> {
    networks = await swarm.api<NamedNetwork[]>("/v1.41/networks?filters=%7B%22driver%22%3A%5B%22overlay%22%5D%7D");
    const tasks = await swarm.api<AddressedTask[]>("/v1.41/tasks");
    const running = await swarm.containers();
    const found: [Source, From][] = [];
    const all: Target[] = [];
    for (const service of Object.keys(replicas)) {
      const { Endpoint } = await swarm.inspect(service);
      const mine = running.filter((one) => one.service === service);
      const [first] = mine;
      if (first) containers.set(service, first);
      const attached = new Set<string>();
      for (const container of mine) {
        const task = tasks.find(({ ID }) => ID === container.taskId);
        const addresses = (task?.NetworksAttachments ?? []).map(({ Network, Addresses }) => ({
          network: Network.Spec.Name,
          host: bare(Addresses[0] ?? ""),
        }));
        for (const { network, host } of addresses) {
          if (network !== "ingress") attached.add(network);
          const name = `${service} task ${network} ${container.taskId} ${container.node}`;
          all.push(...ports(name, "overlay", network === "ingress" ? [] : [network], host));
        }
        const own = addresses.map(({ network }) => network);
        const isOut = own.some((name) => !networks.find((each) => each.Name === name)?.Internal);
        found.push([
          {
            ...{ name: container.name.replace(/\.\w{25}$/, ""), kind: "container", node: container.node },
            ...{ networks: own.filter((name) => name !== "ingress"), addresses: addresses.map(({ host }) => host) },
            egress: isOut,
          },
          inside(container),
        ]);
      }
      for (const { NetworkID, Addr } of Endpoint.VirtualIPs) {
        const network = networks.find(({ Id }) => Id === NetworkID)?.Name ?? "";
        const host = bare(String(Addr));
        all.push(...ports(`${service} VIP ${network}`, "overlay", network === "ingress" ? [] : [network], host));
      }
      // a stack's services go by their short names as well
      for (const name of [service, service.replace(/^.*_/, ""), `tasks.${service}`]) {
        all.push(...ports(name, "name", [...attached], name));
      }
    }
    for (const name of cluster.names) {
      const toNode = { name, kind: "node", networks: [], host: node(name), node: name } as const;
      all.push(
        { ...toNode, protocol: "tcp", port: publishedTcp, there: "open" },
        { ...toNode, protocol: "udp", port: publishedUdp, there: "open" },
        { ...toNode, protocol: "tcp", port: 80, there: "closed" },
        { ...toNode, protocol: "tcp", port: closedPort, there: "closed" },
      );
      found.push([{ name, kind: "node", networks: [], addresses: [], node: name, egress: true }, { node: name }]);
    }
    const outside: Source = { name: "outside", kind: "outside", networks: [], addresses: [], egress: true };
    found.push([outside, stranger.from]);
    places = found;
    targets = all;
  }

  /** The ports that every task listens on, one that nobody does, and the published one, which is the nodes' alone. */
  function ports(name: string, kind: Target["kind"], onNetworks: readonly string[], host: string): Target[] {
    const to = { name, kind, networks: onNetworks, host };
    const tried: Target[] = [
      { ...to, protocol: "tcp", port: 80, there: "open" },
      { ...to, protocol: "udp", port: 9999, there: "open" },
      { ...to, protocol: "tcp", port: closedPort, there: "closed" },
      { ...to, protocol: "tcp", port: publishedTcp, there: "closed" },
    ];
    // of a closed UDP port the kernel tells a client only now and then
    return kind === "name" ? tried : [...tried, { ...to, protocol: "udp", port: closedPort, there: "closed" }];
  }

  test("services that share a network, all ports of them, and what is published: nothing else", async () => {
    const cells: Cell[] = [];
    for (const [source, from] of places) {
      const asked = targets.filter(({ kind }) => kind !== "name" || source.kind === "container");
      const answers = await clients.probe(
        from,
        asked.map(({ protocol, host, port }) => `${protocol} ${host} ${port}`),
      );
      for (const [at, each] of asked.entries()) cells.push({ source, target: each, reach: reachOf(answers[at]) });
    }
    expect(cells.length).toBeGreaterThan(2000);
    expect(renderFailures(cells)).toBe("");
  });

  describe("the way out", () => {
    test("leads through the node, with its address; services on internal networks alone have none", async () => {
      const seen: string[] = [];
      await using server = await listening(clients.outsideAddress, (peer) => seen.push(peer));
      const main = containers.get("shop_main");
      const [answer] = await clients.tcp(from("shop_main"), clients.outsideAddress, server.port);
      expect(answer).toEqual({ line: "hello" });
      expect(seen).toEqual([node(main?.node ?? "")]);
      const started = Date.now();
      const [refused] = await clients.tcp(from("demo_vault"), clients.outsideAddress, server.port);
      expect(errorOf(refused)).toBe("ENETUNREACH");
      expect(Date.now() - started).toBeLessThan(3000);
      expect(seen).toHaveLength(1);
      const both = await clients.tcp(from("demo_audit"), clients.outsideAddress, server.port);
      expect(both).toEqual([{ line: "hello" }]);
    });

    test("is open for UDP and pings", async () => {
      const heard = await clients.listen("outside", 40_123);
      await clients.send(from("shop_main"), clients.outsideAddress, 40_123, "out");
      const ping = await clients.run(
        from("shop_main"),
        "busybox",
        "ping",
        "-c",
        "1",
        "-W",
        "2",
        clients.outsideAddress,
      );
      expect(ping).toMatchObject({ code: 0 });
      const sender = node(containers.get("shop_main")?.node ?? "").replaceAll(".", "\\.");
      expect((await heard())[0]).toMatch(new RegExp(`^out ${sender}:\\d+$`));
    });
  });

  describe("packets with a false sender", () => {
    const foreign = "198.51.100.9";

    test("are dropped between containers and on the way out, whoever they claim to be", async () => {
      const goDemo = from("demo_go-demo");
      const neighbour = taskAddress("demo_proxy", "proxy");
      const claimed = [foreign, taskAddress("demo_go-demo-db", "demo_backend"), neighbourOf("proxy")];
      for (const address of claimed) await clients.run(goDemo, "ip", "addr", "add", `${address}/32`, "dev", "lo");
      const receivers: [From, string][] = [
        [from("demo_proxy"), neighbour],
        ["outside", clients.outsideAddress],
      ];
      for (const [receiver, address] of receivers) {
        const heard = await clients.listen(receiver, 40_124, 2500);
        for (const source of claimed) await clients.send(goDemo, address, 40_124, "forged", source);
        await clients.send(goDemo, address, 40_124, "true");
        expect((await heard()).map((line) => line.split(" ")[0])).toEqual(["true"]);
      }
      for (const address of claimed) await clients.run(goDemo, "ip", "addr", "del", `${address}/32`, "dev", "lo");
    });

    /** An address of the network that nobody has. */
    const neighbourOf = (network: string) => {
      const subnet = networks.find(({ Name }) => Name === network)?.IPAM.Config[0]?.Subnet ?? "";
      return subnet.replace(/\.\d+\/\d+$/, ".200");
    };
  });

  test("VXLAN from somebody else than a node is dropped, however right it looks", async () => {
    const at = containers.get("demo_proxy");
    const other = cluster.names.find((name) => name !== at?.node) ?? "";
    const to = taskAddress("demo_proxy", "proxy");
    const vni = Number(
      networks.find(({ Name }) => Name === "proxy")?.Options["com.docker.network.driver.overlay.vxlanid_list"],
    );
    const packet = (text: string) =>
      vxlanPacket({
        ...{ vni, fromNode: node(other), toNode: node(at?.node ?? "") },
        ...{ source: to.replace(/\.\d+$/, ".201"), destination: to, port: 40_125, text },
      });
    const heard = await clients.listen(from("demo_proxy"), 40_125, 2000);
    await clients.send(stranger.from, node(at?.node ?? ""), 4789, packet("stranger"));
    await clients.send("outside", node(at?.node ?? ""), 4789, packet("host"));
    await clients.send({ node: other }, node(at?.node ?? ""), 4789, packet("node"));
    expect((await heard()).map((line) => line.split(" ")[0])).toEqual(["node"]);
  });

  test("the LAN does not get into a network by a route through any node", async () => {
    const addresses = [
      ...new Set(targets.filter(({ kind, port }) => kind === "overlay" && port === 80).map(({ host }) => host)),
    ];
    for (const name of cluster.names) {
      await stranger.ip("route", "replace", "default", "via", node(name));
      const answers = await clients.probe(
        stranger.from,
        addresses.flatMap((host) => [`tcp ${host} 80`, `udp ${host} 9999`]),
      );
      expect(answers.filter((answer) => "line" in answer)).toEqual([]);
    }
    const through = await clients.tcp(stranger.from, node("node-1"), publishedTcp);
    expect(clientsSeen(through)).toEqual([stranger.address]);
  });
});

/** A TCP server of this machine that tells who connected. */
async function listening(address: string, onPeer: (address: string) => void) {
  const server = createServer((socket) => {
    onPeer(socket.remoteAddress ?? "");
    socket.on("error", () => {});
    socket.end("hello\n");
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const bound = server.address();
  return {
    port: bound !== null && typeof bound === "object" ? bound.port : 0,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
