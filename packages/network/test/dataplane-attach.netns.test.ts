import type { ServiceId } from "@skep/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Attached, NetworkStatus } from "../src/node-network.ts";
import type { Sandbox } from "../src/sandbox.ts";
import { counts, isRoot, other, Scene, type SceneContainer, service, web } from "./dataplane-scene.ts";

const vip = "10.0.1.100";

describe.skipIf(!isRoot)("attaching containers to a node", () => {
  let scene: Scene;
  let client: SceneContainer;

  beforeAll(async () => {
    scene = await Scene.create(2);
    client = await scene.container("client", scene.node(1), { on: { [web]: "10.0.1.10" }, gateway: true });
    const servers = await Promise.all(
      [1, 2].map((n) =>
        scene.container(`s${n}`, scene.node(n), {
          serviceId: "web" as ServiceId,
          on: { [web]: `10.0.1.1${n}`, [other]: `10.0.2.1${n}` },
        }),
      ),
    );
    const networks = [
      { networkId: web, vip, aliases: [] },
      { networkId: other, vip: "10.0.2.100", aliases: [] },
    ];
    await scene.put(service("web", { networks }), client.endpoint, ...servers.map(({ endpoint }) => endpoint));
  }, 60_000);

  afterAll(() => scene?.[Symbol.asyncDispose]());

  const node = () => scene.node(1);
  const both = { s1: 2, s2: 2 };
  const devices = async (container: SceneContainer) =>
    (await node().run("nsenter", `--net=/proc/${container.process.pid}/ns/net`, "ip", "-br", "-4", "addr"))
      .trim()
      .split("\n")
      .map((line) => line.replace(/^([^@ ]+)\S*\s+\S+\s+(\S+).*/, "$1 $2"))
      .sort();

  test("gives a running container one network more, and takes it away again", async () => {
    const more: Sandbox = {
      ...client.sandbox,
      interfaces: [
        ...client.sandbox.interfaces,
        { taskId: client.endpoint.id, networkId: other, address: "10.0.2.10/24" },
      ],
    };
    const held = await client.process.call<string>("hold", "through", vip, 80);
    expect((await node().call<Attached>("attach", more)).interfaces.map(({ device }) => device)).toEqual([
      "eth0",
      "eth2",
      "eth1",
    ]);
    await scene.put({
      ...client.endpoint,
      networks: [...client.endpoint.networks, { networkId: other, address: "10.0.2.10/24", aliases: [] }],
    });
    expect(counts(await client.process.call("tcp", "10.0.2.100", 80, 4))).toEqual(both);
    expect(await client.process.call("say", "through")).toBe(held);
    await node().call("attach", client.sandbox);
    await scene.put(client.endpoint);
    expect(await devices(client)).toEqual(["eth0 10.0.1.10/24", "eth1 100.66.0.1/32", "lo 127.0.0.1/8"]);
    expect(counts(await client.process.call("tcp", vip, 80, 4))).toEqual(both);
    expect(await client.process.call("say", "through")).toBe(held);
  });

  test("leaves a container that has a way out its own", async () => {
    const plain = await scene.loose("plain", node(), { on: {} });
    const inside = (...command: string[]) =>
      node().run("nsenter", `--net=/proc/${plain.process.pid}/ns/net`, ...command);
    await inside("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other");
    await inside("ip", "addr", "add", "172.17.0.2/16", "dev", "eth0");
    await inside("ip", "link", "set", "eth0", "up");
    await inside("ip", "route", "add", "default", "via", "172.17.0.1");
    const attached = await node().call<Attached>("attach", {
      ...plain.sandbox,
      interfaces: [{ taskId: plain.endpoint.id, networkId: web, address: "10.0.1.40/24" }],
      gateway: { taskId: plain.endpoint.id },
    });
    expect(attached.interfaces.map(({ device }) => device)).toEqual(["eth1"]);
    expect(await inside("ip", "route", "show", "default")).toContain("via 172.17.0.1");
    await node().call("detach", plain.sandbox.containerId);
    expect(await inside("ip", "-br", "link")).not.toContain("eth1");
  });

  test("refuses a container that is not running, and a port that is taken", async () => {
    const gone = { ...client.sandbox, containerId: "a".repeat(64), pid: 4_000_000 };
    await expect(node().call("attach", gone)).rejects.toThrow("is not running");
    const server = await scene.client(node().enter());
    await server.call("listen", 8181);
    const plain = await scene.loose("porty", node(), { on: {} });
    const hostPorts = [{ protocol: "tcp", published: 8181, target: 80 }];
    const attach = node().call("attach", { ...plain.sandbox, gateway: { taskId: plain.endpoint.id }, hostPorts });
    await expect(attach).rejects.toThrow("failed to bind host port for 0.0.0.0:8181/tcp: address already in use by");
    expect(await node().call("repair")).toEqual([]);
  });

  test("takes a container that was started again for a new one", async () => {
    const again = await scene.loose("client2", node(), { on: {} });
    await client.process.end();
    const { containerId } = client.sandbox;
    await node().call("attach", { ...client.sandbox, pid: again.process.pid, containerId });
    expect(counts(await again.process.call("tcp", vip, 80, 4))).toEqual(both);
    client = { ...client, process: again.process, sandbox: { ...client.sandbox, pid: again.process.pid } };
    expect(await node().call("repair")).toEqual([]);
  });

  test("starts from the last records where the kernel has nothing, before any manager answers", async () => {
    await new Promise((resolve) => setTimeout(resolve, 1200)); // records are written a second after they came
    await node().process?.end();
    await node().run(
      "sh",
      "-c",
      "nft flush ruleset; ip link del skep-up; ip netns del skep-gw; ip netns del skep-netweb000000",
    );
    await node().start();
    expect(counts(await client.process.call("tcp", vip, 80, 4))).toEqual(both);
    expect(await client.process.call("resolve", "web")).toEqual([vip]);
    expect(await node().call<NetworkStatus>("inspect")).toMatchObject({ revision: 0, problems: [] });
  });

  test("attaches before any manager answers", async () => {
    const early = await scene.loose("early", node(), { on: { [web]: "10.0.1.50" } });
    await scene.put({ ...early.endpoint, state: "starting" });
    await node().process?.end();
    await node().start();
    await node().call("attach", early.sandbox);
    expect(counts(await early.process.call("tcp", vip, 80, 4))).toEqual(both);
    await node().call("replaceAll", scene.revision, [...scene.records.values()]);
    expect(counts(await early.process.call("tcp", vip, 80, 4))).toEqual(both);
  });

  test("waits for a network that it has not heard of yet", async () => {
    const late = await scene.loose("late", node(), { on: {} });
    const record = scene.records.get(other);
    if (record?.kind !== "network") throw new Error("no network");
    const networkId = "netlate00000" as typeof other;
    const attaching = node().call<Attached>("attach", {
      ...late.sandbox,
      interfaces: [{ taskId: late.endpoint.id, networkId, address: "10.0.3.10/24" }],
    });
    await scene.put({ ...record, id: networkId, vni: 4099, subnets: [{ subnet: "10.0.3.0/24", gateway: "10.0.3.1" }] });
    expect((await attaching).interfaces).toHaveLength(1);
  });

  test("attaches many at once in a short time each", async () => {
    const sandboxes = await Promise.all(
      Array.from({ length: 12 }, (_, i) => scene.loose(`many${i}`, node(), { on: {} })),
    );
    const took = await Promise.all(
      sandboxes.map(async ({ sandbox, endpoint }, i) => {
        const address = `10.0.1.${100 + 1 + i}/24`;
        const interfaces = [{ taskId: endpoint.id, networkId: web, address }];
        const { tookMs } = await node().call<Attached>("attach", {
          ...sandbox,
          interfaces,
          gateway: { taskId: endpoint.id },
        });
        return tookMs;
      }),
    );
    expect(Math.max(...took)).toBeLessThan(1000);
    expect(await node().call("repair")).toEqual([]);
  });
});
