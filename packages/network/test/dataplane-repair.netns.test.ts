import type { ServiceId } from "@skep/model";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetworkStatus } from "../src/node-network.ts";
import type { RemoteProcess } from "./dataplane-rpc.ts";
import {
  counts,
  eventually,
  ingress,
  isRoot,
  nodeAddress,
  Scene,
  type SceneContainer,
  service,
  web,
} from "./dataplane-scene.ts";

const vip = "10.0.1.100";
const router = "skep-netweb000000";

describe.skipIf(!isRoot)("a node's data plane", () => {
  let scene: Scene;
  let outside: RemoteProcess;
  let client: SceneContainer;
  let servers: SceneContainer[];

  beforeAll(async () => {
    scene = await Scene.create(2);
    outside = await scene.client(scene.outside());
    client = await scene.container("client", scene.node(1), { on: { [web]: "10.0.1.10" }, gateway: true });
    servers = await Promise.all(
      [1, 2].map((n) =>
        scene.container(`s${n}`, scene.node(n), {
          serviceId: "web" as ServiceId,
          on: { [web]: `10.0.1.1${n}`, [ingress]: `10.0.0.1${n}` },
        }),
      ),
    );
    await scene.put(
      service("web", {
        networks: [
          { networkId: web, vip, aliases: [] },
          { networkId: ingress, aliases: [] },
        ],
        ports: [{ protocol: "tcp", published: 8080, target: 80 }],
      }),
      client.endpoint,
      ...servers.map(({ endpoint }) => endpoint),
    );
  }, 60_000);

  afterAll(() => scene?.[Symbol.asyncDispose]());

  const node = () => scene.node(1);

  /** Everything that skep holds in the kernel of the node, without counters that move by themselves. */
  async function everything(): Promise<string> {
    const commands = [
      ["nft", "-a", "list", "ruleset"],
      ["ip", "-d", "link"],
      ["ip", "-4", "addr"],
      ["ip", "-4", "route", "show", "table", "all"],
      ["ip", "-4", "neigh", "show", "nud", "permanent"],
      ["ip", "rule"],
    ];
    const parts: string[] = [];
    for (const command of commands) {
      parts.push(await node().run(...command));
      for (const name of [router, "skep-gw"]) parts.push(await node().inRouter(name, ...command));
    }
    return parts.join("\n");
  }

  async function works(): Promise<void> {
    expect(counts(await client.process.call("tcp", vip, 80, 4))).toEqual({ s1: 2, s2: 2 });
    expect(counts(await outside.call("tcp", nodeAddress(1), 8080, 4))).toEqual({ s1: 2, s2: 2 });
  }

  test("finds nothing to repair in what it has made itself", async () => {
    expect(await node().call("repair")).toEqual([]);
    expect(await scene.node(2).call("repair")).toEqual([]);
  });

  test.each([
    ["flushed rules", "skep-gw", "nft flush ruleset"],
    ["flushed rules of a network", router, "nft flush table ip skep"],
    ["a deleted VIP", router, `nft delete element ip skep svc { ${vip} }`],
    ["a deleted hairpin address", router, "nft flush set ip skep hairpin"],
    ["a deleted route", router, "ip route del 10.0.1.12"],
    ["a deleted neighbour", router, `ip neigh del ${nodeAddress(2)} dev vx0`],
    ["a deleted FDB entry", router, "bridge fdb del 02:58:c0:a8:00:0c dev vx0 dst 192.168.0.12"],
    ["a deleted tunnel", router, "ip link del vx0"],
    ["a deleted container interface", router, "ip link del v0a00010a"],
    ["a deleted tunnel of the mesh", "skep-gw", "ip link del vx0"],
    ["a deleted rule of the way back", "skep-gw", "ip rule del pref 1002"],
    ["an added element", router, "nft add element ip skep vips { 10.0.1.55 }"],
    ["an added rule", router, "nft insert rule ip skep forward drop"],
    ["a changed balancer", router, "nft flush chain ip skep svc_10_0_1_100"],
  ])("repairs %s within 2 s", async (_, place, command) => {
    const before = (await node().call<NetworkStatus>("inspect")).repairs.length;
    await node().inRouter(place, "sh", "-c", command);
    await eventually(async () => {
      expect((await node().call<NetworkStatus>("inspect")).repairs.length).toBeGreaterThan(before);
      await works();
    }, 2000);
    expect(await node().call("repair")).toEqual([]);
  });

  test("repairs the node's own rules and links, and leaves what is not skep's", async () => {
    await node().run("nft", "add table ip mine; add chain ip mine c; add rule ip mine c accept");
    await node().run("nft", "flush table ip skep");
    await eventually(works, 2000);
    await node().run("ip", "link", "del", "skep-up");
    await eventually(works, 2000);
    expect(await node().run("nft", "list", "table", "ip", "mine")).toContain("accept");
    expect(await node().call("repair")).toEqual([]);
  });

  test("makes a router anew that was deleted", async () => {
    await node().run("ip", "netns", "del", router);
    await node().call("repair");
    await works();
  });

  test("removes routers that nobody wants", async () => {
    await node().run("ip", "netns", "add", "skep-leftover");
    expect(await node().call("repair")).toEqual(["ip netns del skep-leftover"]);
  });

  test("is not touched when skepd is killed and started again, and serves meanwhile", async () => {
    const held = await outside.call<string>("hold", "held", nodeAddress(1), 8080);
    const before = await everything();
    await node().process?.end();
    await works();
    expect(await client.process.call("tcp", vip, 80, 1)).toEqual([expect.stringMatching(/^s1 /)]);
    await node().start();
    expect(await client.process.call("resolve", "web")).toEqual([vip]);
    await node().call("replaceAll", scene.revision, [...scene.records.values()]);
    expect(await everything()).toBe(before);
    expect(await node().call<NetworkStatus>("inspect")).toMatchObject({ repairs: [], problems: [] });
    // the rotation goes on where it was
    expect(await client.process.call("tcp", vip, 80, 1)).toEqual([expect.stringMatching(/^s2 /)]);
    expect(await outside.call("say", "held")).toBe(held);
  });

  test("forgets a container whose process has gone while skepd was not there", async () => {
    const { process, endpoint } = await scene.container("brief", node(), { on: { [web]: "10.0.1.30" }, gateway: true });
    await node().process?.end();
    await process.end();
    await node().start();
    await node().call("replaceAll", scene.revision, [...scene.records.values()]);
    expect(await node().inRouter(router, "ip", "link")).not.toContain("v0a00011e");
    expect(endpoint.state).toBe("ready");
    await works();
  });

  test("leaves nothing when the node leaves its swarm", async () => {
    await node().call("removeEverything");
    expect(await node().run("ip", "netns", "list")).toBe("");
    expect(await node().run("ip", "link")).not.toContain("skep");
    expect(await node().run("nft", "list", "tables")).not.toContain("skep");
    expect(await node().run("ip", "route")).not.toContain("skep");
  });
});
