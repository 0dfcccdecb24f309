import type { ServiceId } from "@skep/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  counts,
  eventually,
  isRoot,
  other,
  Scene,
  type SceneContainer,
  service,
  sources,
  web,
} from "./dataplane-scene.ts";

const vip = "10.0.1.100";
const emptyVip = "10.0.1.101";
const id = "web" as ServiceId;

describe.skipIf(!isRoot)("balancing on three nodes", () => {
  let scene: Scene;
  let client: SceneContainer;
  let stranger: SceneContainer;
  let servers: SceneContainer[];

  beforeAll(async () => {
    scene = await Scene.create(3);
    client = await scene.container("client", scene.node(1), { on: { [web]: "10.0.1.10" }, gateway: true });
    stranger = await scene.container("stranger", scene.node(1), { on: { [other]: "10.0.2.10" }, gateway: true });
    servers = await Promise.all(
      [1, 2, 3].map((n) => scene.container(`s${n}`, scene.node(n), { serviceId: id, on: { [web]: `10.0.1.1${n}` } })),
    );
    await scene.put(
      service("web", { networks: [{ networkId: web, vip, aliases: [] }] }),
      service("empty", { networks: [{ networkId: web, vip: emptyVip, aliases: [] }] }),
      client.endpoint,
      stranger.endpoint,
      ...servers.map(({ endpoint }) => endpoint),
    );
  }, 60_000);

  afterAll(() => scene?.[Symbol.asyncDispose]());

  const ask = (from: SceneContainer, protocol: "tcp" | "udp", host: string, port: number, count: number) =>
    from.process.call<string[]>(protocol, host, port, count);
  const server = (n: number) => servers[n - 1] as SceneContainer;

  test("gives a container its interfaces in order, the way out last", () => {
    expect(client.attached.interfaces.map(({ device, address, mac }) => `${device} ${address} ${mac}`)).toEqual([
      "eth0 10.0.1.10/24 02:42:0a:00:01:0a",
      "eth1 100.66.0.1/16 02:42:64:42:00:01",
    ]);
  });

  test("spreads a VIP's TCP and UDP in exact rotation, and shows servers the client's own address", async () => {
    const tcp = await ask(client, "tcp", vip, 80, 30);
    expect(counts(tcp)).toEqual({ s1: 10, s2: 10, s3: 10 });
    expect(sources(tcp)).toEqual(["10.0.1.10"]);
    const udp = await ask(client, "udp", vip, 9999, 30);
    expect(counts(udp)).toEqual({ s1: 10, s2: 10, s3: 10 });
    expect(sources(udp)).toEqual(["10.0.1.10"]);
  });

  test("spreads a server's own requests too, over itself as well", async () => {
    const answers = await ask(server(1), "tcp", vip, 80, 30);
    expect(counts(answers)).toEqual({ s1: 10, s2: 10, s3: 10 });
    expect(sources(answers)).toEqual(["10.0.1.1", "10.0.1.11"]);
  });

  test("reaches tasks directly, on this node and on others", async () => {
    expect(await ask(client, "tcp", "10.0.1.11", 80, 1)).toEqual([expect.stringMatching(/^s1 10\.0\.1\.10 /)]);
    expect(await ask(client, "tcp", "10.0.1.13", 80, 1)).toEqual([expect.stringMatching(/^s3 10\.0\.1\.10 /)]);
  });

  test("refuses at once what has no target, and what nobody has", async () => {
    expect(await ask(client, "tcp", emptyVip, 80, 1)).toEqual(["ECONNREFUSED"]);
    expect(await ask(client, "udp", emptyVip, 9999, 1)).toEqual(["ECONNREFUSED"]);
    expect(await ask(client, "tcp", "10.0.1.77", 80, 1)).toEqual(["ECONNREFUSED"]);
  });

  test("keeps networks apart", async () => {
    for (const host of [vip, "10.0.1.11", "10.0.1.13"]) {
      const [answer] = await ask(stranger, "tcp", host, 80, 1);
      expect(["EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED"]).toContain(answer);
    }
  });

  test("keeps the node's own services from containers", async () => {
    const onNode = await scene.client(scene.node(1).enter());
    await onNode.call("listen", 7070);
    const [answer] = await ask(client, "tcp", scene.node(1).address, 7070, 1);
    expect(answer).toBe("EHOSTUNREACH");
    const outside = await scene.client(scene.outside());
    expect(counts(await outside.call("tcp", scene.node(1).address, 7070, 1))).toEqual({ client: 1 });
  });

  test("lets containers out, by their node's address", async () => {
    const outside = await scene.client(scene.outside());
    await outside.call("listen", 7070);
    const answers = await ask(client, "tcp", "192.168.0.100", 7070, 1);
    expect(sources(answers)).toEqual(["192.168.0.11"]);
  });

  test("answers names with VIPs, and with tasks", async () => {
    expect(await client.process.call("resolve", "web")).toEqual([vip]);
    expect(await client.process.call("resolve", "tasks.web")).toEqual(["10.0.1.11", "10.0.1.12", "10.0.1.13"]);
    expect(await stranger.process.call("resolve", "web")).toEqual([]);
  });

  test("sends a draining task nothing new, keeps what it has, and moves UDP at once", async () => {
    const held = await client.process.call<string>("hold", "drain", vip, 80);
    const n = Number(held[1]);
    const udpFrom = 40_001;
    let [udp = ""] = await client.process.call<string[]>("udp", vip, 9999, 1, udpFrom);
    const udpN = Number(udp[1]);
    await scene.put({ ...server(n).endpoint, state: "draining" });
    expect(counts(await ask(client, "tcp", vip, 80, 20))[`s${n}`]).toBeUndefined();
    expect(await client.process.call("say", "drain")).toMatch(`s${n} `);
    await scene.put({ ...server(n).endpoint, state: "ready" }, { ...server(udpN).endpoint, state: "draining" });
    [udp = ""] = await client.process.call<string[]>("udp", vip, 9999, 1, udpFrom);
    expect(udp).toMatch(/^s\d /);
    expect(udp.startsWith(`s${udpN} `)).toBe(false);
    await scene.put(...servers.map(({ endpoint }) => endpoint));
  });

  test("resets connections to a task that is gone without a word", async () => {
    const held = await client.process.call<string>("hold", "dead", vip, 80);
    const dead = server(Number(held[1]));
    await dead.node.run("nsenter", `--net=/proc/${dead.process.pid}/ns/net`, "ip", "link", "set", "lo", "down");
    await scene.remove(dead.endpoint);
    expect(await client.process.call("say", "dead")).toBe("ECONNRESET");
    await scene.put(dead.endpoint);
  });

  test("sends nothing to a node that is down, and resets what it had", async () => {
    const peer = scene.records.get("node3");
    if (peer?.kind !== "peer") throw new Error("no node 3");
    const held: string[] = [];
    for (let i = 0; i < 3; i++) held.push(await client.process.call<string>("hold", `down${i}`, vip, 80));
    await scene.put({ ...peer, down: true });
    expect(counts(await ask(client, "tcp", vip, 80, 10))).toEqual({ s1: 5, s2: 5 });
    const lost = held.findIndex((answer) => answer.startsWith("s3 "));
    expect(await client.process.call("say", `down${lost}`)).toBe("ECONNRESET");
    await scene.put(peer);
    expect(counts(await ask(client, "tcp", vip, 80, 9))).toEqual({ s1: 3, s2: 3, s3: 3 });
  });

  test("takes packets from known peers only, and from a container's own address only", async () => {
    const rules = await scene.node(1).run("nft", "list", "chain", "ip", "skepraw", "pre");
    expect(rules).toContain("udp dport 4789 ip saddr != @peers drop");
    const spoof = `ip addr add 10.0.1.99/32 dev eth0; ping -c1 -W1 -I 10.0.1.99 10.0.1.11`;
    const out = scene.node(1).run("nsenter", `--net=/proc/${client.process.pid}/ns/net`, "sh", "-c", spoof);
    await expect(out).rejects.toThrow();
  });

  test("holds packets to the size that the way to a peer takes", async () => {
    await scene.node(1).call("setPathMtu", "node3", 1400);
    const route = () => scene.node(1).inRouter("skep-netweb000000", "ip", "route", "get", "10.0.1.13");
    expect(await route()).toContain("mtu 1350");
    await scene.node(1).call("setPathMtu", "node3");
    expect(await route()).not.toContain("mtu");
  });

  test("detaches a container, and takes a router away with the last", async () => {
    const { node, sandbox, endpoint } = stranger;
    expect(await node.run("ip", "netns", "list")).toContain("skep-netother0000");
    await scene.remove(endpoint);
    await node.call("detach", sandbox.containerId);
    await eventually(async () => expect(await node.run("ip", "netns", "list")).not.toContain("skep-netother0000"));
    expect(await ask(client, "tcp", vip, 80, 3)).toHaveLength(3);
  });
});
