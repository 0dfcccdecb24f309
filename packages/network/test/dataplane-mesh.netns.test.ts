import type { PublishedPort, ServiceId, ServiceRecord } from "@skep/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RemoteProcess } from "./dataplane-rpc.ts";
import {
  counts,
  ingress,
  isRoot,
  nodeAddress,
  outsideAddress,
  Scene,
  type SceneContainer,
  service,
  sources,
  web,
} from "./dataplane-scene.ts";

const tcp: PublishedPort = { protocol: "tcp", published: 8080, target: 80 };
const udp: PublishedPort = { protocol: "udp", published: 9090, target: 9999 };
const published = (id: string, ports: readonly PublishedPort[]): ServiceRecord =>
  service(id, {
    networks: [
      { networkId: web, vip: "10.0.1.100", aliases: [] },
      { networkId: ingress, vip: "10.0.0.100", aliases: [] },
    ],
    ports,
  });

describe.skipIf(!isRoot)("published ports of three nodes", () => {
  let scene: Scene;
  let outside: RemoteProcess;
  let onNode: RemoteProcess;
  let client: SceneContainer;
  let servers: SceneContainer[];

  beforeAll(async () => {
    scene = await Scene.create(3);
    outside = await scene.client(scene.outside());
    onNode = await scene.client(scene.node(1).enter());
    client = await scene.container("client", scene.node(1), { on: { [web]: "10.0.1.10" }, gateway: true });
    servers = await Promise.all(
      [2, 3].map((n) =>
        scene.container(`s${n}`, scene.node(n), {
          serviceId: "web" as ServiceId,
          on: { [web]: `10.0.1.1${n}`, [ingress]: `10.0.0.1${n}` },
        }),
      ),
    );
    await scene.put(
      published("web", [tcp, udp]),
      service("idle", {
        ports: [
          { ...tcp, published: 8081 },
          { ...udp, published: 9091 },
        ],
      }),
      client.endpoint,
      ...servers.map(({ endpoint }) => endpoint),
    );
  }, 60_000);

  afterAll(() => scene?.[Symbol.asyncDispose]());

  const half = (count: number) => ({ s2: count / 2, s3: count / 2 });

  test("are reached from outside at every node, in exact rotation, TCP and UDP, with the client's true address", async () => {
    for (const n of [1, 2, 3]) {
      const answers = await outside.call<string[]>("tcp", nodeAddress(n), 8080, 20);
      expect(counts(answers)).toEqual(half(20));
      expect(sources(answers)).toEqual([outsideAddress]);
      const datagrams = await outside.call<string[]>("udp", nodeAddress(n), 9090, 20);
      expect(counts(datagrams)).toEqual(half(20));
      expect(sources(datagrams)).toEqual([outsideAddress]);
    }
  });

  test("are reached from a node itself: its own address, 127.0.0.1, and the other nodes'", async () => {
    for (const host of [nodeAddress(1), "127.0.0.1", nodeAddress(2)]) {
      const answers = await onNode.call<string[]>("tcp", host, 8080, 10);
      expect(counts(answers)).toEqual(half(10));
      expect(sources(answers)).toEqual([nodeAddress(1)]);
      expect(counts(await onNode.call("udp", host, 9090, 10))).toEqual(half(10));
    }
  });

  test("are reached from containers, at any node's address", async () => {
    for (const n of [1, 2, 3]) {
      expect(counts(await client.process.call("tcp", nodeAddress(n), 8080, 10))).toEqual(half(10));
      expect(counts(await client.process.call("udp", nodeAddress(n), 9090, 10))).toEqual(half(10));
    }
    const own = await servers[0]?.process.call<string[]>("tcp", nodeAddress(2), 8080, 10);
    expect(counts(own ?? [])).toEqual(half(10));
  });

  test("tell apart one client port that comes in through two nodes", async () => {
    const port = 41_000;
    const answers = await Promise.all(
      [1, 2, 3].map((n) => outside.call<string>("hold", `entry${n}`, nodeAddress(n), 8080, port)),
    );
    expect(sources(answers)).toEqual([outsideAddress]);
    expect(await Promise.all([1, 2, 3].map((n) => outside.call<string>("say", `entry${n}`)))).toEqual(answers);
  });

  test("are passed on to another node's task without being routed, but for what opens a connection", async () => {
    const node = scene.node(1);
    const before = await node.routed();
    await outside.call("hold", "kept", nodeAddress(1), 8080);
    for (let i = 0; i < 20; i++) await outside.call("say", "kept");
    expect((await node.routed()) - before).toBeLessThanOrEqual(4);
  });

  test("refuse at once while the service has no task", async () => {
    for (const from of [outside, onNode]) {
      expect(await from.call("tcp", nodeAddress(1), 8081, 1)).toEqual(["ECONNREFUSED"]);
      expect(await from.call("udp", nodeAddress(1), 9091, 1)).toEqual(["ECONNREFUSED"]);
    }
    expect(await client.process.call("tcp", nodeAddress(1), 8081, 1)).toEqual(["ECONNREFUSED"]);
  });

  test("send nothing new to a draining task, and reset what a lost one had", async () => {
    const held = await outside.call<string>("hold", "lost", nodeAddress(1), 8080);
    const lost = servers.find(({ endpoint }) => held.startsWith(endpoint.name)) as SceneContainer;
    await scene.put({ ...lost.endpoint, state: "draining" });
    expect(counts(await outside.call("tcp", nodeAddress(1), 8080, 10))[lost.endpoint.name]).toBeUndefined();
    expect(await outside.call("say", "lost")).toBe(held);
    await lost.node.run("nsenter", `--net=/proc/${lost.process.pid}/ns/net`, "ip", "link", "set", "eth1", "down");
    await scene.remove(lost.endpoint);
    expect(await outside.call("say", "lost")).toBe("ECONNRESET");
    await lost.node.call("repair");
    await lost.node.call("detach", lost.sandbox.containerId);
    await lost.node.call("attach", lost.sandbox);
    await scene.put(lost.endpoint);
    expect(counts(await outside.call("tcp", nodeAddress(1), 8080, 10))).toEqual(half(10));
  });

  test("do not take a port that a process of the node has, and say so", async () => {
    const process = await scene.client(scene.node(2).enter());
    await process.call("listen", 8085);
    const problems = await scene
      .node(2)
      .call("change", scene.revision, [published("web", [tcp, udp, { ...tcp, published: 8085 }])], []);
    expect(problems).toEqual([
      {
        subject: "port tcp/8085",
        message: expect.stringMatching(/^not published on this node: \S+ \(pid \d+\) listens there$/),
      },
    ]);
    expect(counts(await outside.call("tcp", nodeAddress(2), 8085, 2))).toEqual({ client: 2 });
    await process.end();
    await scene.node(2).call("repair");
    expect(counts(await outside.call("tcp", nodeAddress(2), 8085, 2))).toEqual(half(2));
    expect(await scene.node(2).call("inspect")).toMatchObject({ problems: [] });
    await scene.put(published("web", [tcp, udp]));
  });

  test("are held: nobody else may listen there", async () => {
    await expect(onNode.call("listen", 8080)).rejects.toThrow("EADDRINUSE");
  });

  test("of one node are reached there only", async () => {
    const hosted = await scene.container("hosted", scene.node(1), {
      on: { [web]: "10.0.1.20" },
      gateway: true,
      hostPorts: [
        { ...tcp, published: 8090 },
        { ...tcp, published: 0 },
      ],
    });
    const free = hosted.attached.hostPorts[1]?.published ?? 0;
    expect(free).toBeGreaterThanOrEqual(32768);
    for (const port of [8090, free]) {
      const answers = await outside.call<string[]>("tcp", nodeAddress(1), port, 2);
      expect(counts(answers)).toEqual({ hosted: 2 });
      expect(sources(answers)).toEqual([outsideAddress]);
    }
    expect(await outside.call("tcp", nodeAddress(2), 8090, 1)).toEqual(["ECONNREFUSED"]);
    expect(counts(await client.process.call("tcp", nodeAddress(1), 8090, 1))).toEqual({ hosted: 1 });
    expect(counts((await servers[0]?.process.call("tcp", nodeAddress(1), 8090, 1)) as string[])).toEqual({ hosted: 1 });
    await hosted.node.call("detach", hosted.sandbox.containerId);
    expect(await outside.call("tcp", nodeAddress(1), 8090, 1)).toEqual(["ECONNREFUSED"]);
  });

  test("work where the engine's firewall drops what it forwards", async () => {
    const node = scene.node(1);
    await node.run(
      "nft",
      "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }",
    );
    await node.run("nft", "add chain ip filter DOCKER-USER; add rule ip filter FORWARD jump DOCKER-USER");
    await node.call("repair");
    expect(counts(await outside.call("tcp", nodeAddress(1), 8080, 4))).toEqual(half(4));
    const rules = await node.run("nft", "list", "chain", "ip", "filter", "DOCKER-USER");
    expect(rules.match(/"skep-up"/g)).toHaveLength(2);
    expect(await node.call("repair")).toEqual([]);
  });

  test("and task addresses are not reached by routing through a node", async () => {
    await scene.route(`10.0.0.0/24 via ${nodeAddress(2)}`);
    expect(await outside.call("tcp", "10.0.0.12", 80, 1)).toEqual(["TIMEOUT"]);
  });
});
