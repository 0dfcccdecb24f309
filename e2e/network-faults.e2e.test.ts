import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Clients } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { Load, type LoadResult } from "./loads.ts";
import { clusterProblem, Operator, quickUpdates } from "./operator.ts";

// What happens to the traffic of three nodes when something is taken away from under it.

/** A task that runs may not listen yet: only its own program knows when it does. */
const healthy = [
  ...["--health-cmd", "busybox wget -q -O /dev/null http://127.0.0.1/", "--health-interval", "500ms"],
  ...["--health-timeout", "5s", "--health-retries", "20"],
] as const;
/** nginx answers what it has begun, then ends. */
const graceful = ["--detach", "--no-resolve-image", "--stop-signal", "SIGQUIT", "--stop-grace-period", "10s"] as const;
const perSecond = Number(process.env.SKEP_LOAD ?? 500);

describe.skipIf(clusterProblem())(`faults of the network of three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    await swarm.docker("network", "create", "-d", "overlay", "net1");
    for (const [i, node] of cluster.names.entries()) {
      const flags = ["--network", "net1", "--constraint", `node.hostname==${node}`];
      await swarm.docker(
        "service",
        "create",
        ...graceful,
        "--name",
        `client-${i + 1}`,
        ...flags,
        "web:local",
        "whoami",
        "80",
      );
    }
  });

  afterEach(async () => {
    await swarm.docker("service", "rm", "web").catch(() => undefined);
    await eventually(async () =>
      expect((await swarm.containers()).filter(({ service }) => service === "web")).toEqual([]),
    );
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  const startWeb = async (replicas: number, ...flags: readonly string[]) => {
    const wanted = ["--replicas", `${replicas}`, "--network", "net1", "--publish", "8080:80"];
    const all = [...graceful, ...healthy, ...quickUpdates, "--name", "web", ...wanted, ...flags];
    await swarm.docker("service", "create", ...all, "web:local", "nginx");
    await swarm.untilRunning("web", replicas);
    for (const i of [1, 2, 3]) await swarm.untilRunning(`client-${i}`, 1);
  };

  const vip = async (): Promise<string> => {
    const { Endpoint } = await swarm.inspect("web");
    const { networks } = { networks: await swarm.api<{ Id: string; Name: string }[]>("/v1.41/networks") };
    const net1 = networks.find(({ Name }) => Name === "net1")?.Id;
    return (
      String(Endpoint.VirtualIPs.find(({ NetworkID }: { NetworkID: string }) => NetworkID === net1).Addr).split(
        "/",
      )[0] ?? ""
    );
  };

  /** From a container of the first two nodes to the VIP, and from outside to a node's published port. */
  async function startLoads(entry = "node-2", from: readonly string[] = ["client-1", "client-2"]): Promise<Load[]> {
    const address = await vip();
    const inside = await Promise.all(
      from.map(async (service) => {
        const [client] = await swarm.running(service);
        if (!client) throw new Error(`no ${service}`);
        return Load.start(clients, { node: client.node, container: client.id }, address, 80, perSecond);
      }),
    );
    return [...inside, await Load.start(clients, "outside", cluster.machine(entry).address, 8080, perSecond)];
  }

  async function results(what: string, loads: readonly Load[]): Promise<LoadResult[]> {
    const ended = await Promise.all(loads.map((load) => load.end()));
    for (const { tasks, ...result } of ended)
      console.info(what, JSON.stringify({ ...result, tasks: Object.keys(tasks).length }));
    return ended;
  }

  const failures = (ended: readonly LoadResult[]) => ended.map((result) => result.failures);

  const untilReady = () =>
    eventually(async () => expect((await swarm.docker("node", "ls")).match(/Ready/g)).toHaveLength(3));

  test("no request fails when skepd is killed on all nodes, is away, and comes back; then changes flow again", async () => {
    await startWeb(5);
    const loads = await startLoads();
    await sleep(1000);
    await Promise.all(cluster.names.map((node) => cluster.killSkepd(node)));
    await sleep(4000);
    await Promise.all(cluster.names.map((node) => cluster.startSkepd(node)));
    await untilReady();
    await swarm.docker("service", "scale", "-d", "web=6");
    await swarm.untilRunning("web", 6);
    await sleep(500);
    await swarm.docker(
      "service",
      "update",
      "-d",
      "--no-resolve-image",
      "--env-add",
      "A=1",
      "--update-parallelism",
      "0",
      "--update-order",
      "start-first",
      "web",
    );
    await swarm.untilUpdate("web", "completed");
    await sleep(500);
    const ended = await results("kill -9 of skepd", loads);
    expect(failures(ended)).toEqual([{}, {}, {}]);
    for (const { tasks } of ended) expect(Object.keys(tasks).length).toBeGreaterThan(6);
  });

  test.each(["start-first", "stop-first"])("no request fails during a rolling update, %s", async (order) => {
    await startWeb(4, "--update-order", order, "--update-parallelism", "1");
    const loads = await startLoads();
    await sleep(500);
    await swarm.docker("service", "update", "-d", "--no-resolve-image", "--env-add", "A=1", "web");
    await swarm.untilUpdate("web", "completed");
    await sleep(300);
    const ended = await results(`update ${order}`, loads);
    expect(failures(ended)).toEqual([{}, {}, {}]);
    for (const { tasks } of ended) expect(Object.keys(tasks)).toHaveLength(8);
  });

  test("no request fails when a service is scaled down, and when a node is drained", async () => {
    await startWeb(6);
    const loads = await startLoads("node-3");
    await sleep(500);
    await swarm.docker("service", "scale", "-d", "web=3");
    await eventually(async () => expect(await swarm.running("web")).toHaveLength(3));
    await swarm.docker("node", "update", "--availability", "drain", "node-3");
    await eventually(async () => {
      expect(await swarm.running("web")).toHaveLength(3);
      expect((await swarm.running("web")).filter(({ node }) => node === "node-3")).toEqual([]);
    });
    await sleep(300);
    const ended = await results("scale down and drain", loads);
    await swarm.docker("node", "update", "--availability", "active", "node-3");
    expect(failures(ended)).toEqual([{}, {}, {}]);
  });

  describe("somebody takes away from a node's network", () => {
    const routerOf = async () => `skep-${(await swarm.api<{ Id: string }>("/v1.41/networks/net1")).Id.slice(0, 12)}`;

    /** What is there, as the operator's tools tell it, without what counts and what is numbered anew. */
    const look = async (node: string, router: string): Promise<string> => {
      const script = `for ns in host skep-gw ${router}; do
          test $ns = host && in= || in="nsenter --net=/run/netns/$ns"
          $in nft list table ip skep | sort
          $in ip -o link | sed 's/^[0-9]*: //; s/link-netns.*//; s/@[^:]*//; s/master.*//' | grep -E '^(v[0-9a-f]{8}|vx0|skep-up|up0):' | cut -d' ' -f1,4,5 | sort
          $in ip route | grep -E 'v[0-9a-f]{8}|vx0|skep-up|up0|unreachable' | sort
          $in ip neigh show nud permanent | sort
          $in bridge fdb show | grep dst | sort
          $in ip rule
        done`;
      const { stdout } = await cluster.exec(node, "sh", "-c", script);
      // targets are turned whenever a balancer is written
      return stdout.replaceAll(/map \{([^}]*)\}/g, (_, list: string) =>
        [...list.matchAll(/: ([\d.]+)/g)]
          .map(([, to]) => to)
          .sort()
          .join(" "),
      );
    };

    test.each([
      ["the tables of the node", "host", "nft flush table ip skep"],
      ["all tables of a router", "router", "nft flush ruleset"],
      ["a route", "router", "ip route del $(ip route | grep -m1 vx0 | cut -d' ' -f1)"],
      ["a container's veth", "router", "ip link del $(ip -o link | grep -oE -m1 'v[0-9a-f]{8}')"],
      [
        "a neighbour",
        "router",
        "ip neigh del $(ip neigh show nud permanent dev vx0 | head -1 | cut -d' ' -f1) dev vx0",
      ],
      ["an FDB entry", "router", "bridge fdb del $(bridge fdb show | grep -m1 dst | cut -d' ' -f1) dev vx0"],
      ["the tunnel", "router", "ip link del vx0"],
      ["the uplink", "host", "ip link del skep-up"],
      ["a rule", "skep-gw", "ip rule del pref $(ip rule | grep -m1 fwmark | cut -d: -f1)"],
    ])("%s: repaired within two seconds, foreign rules are left alone", async (what, where, command) => {
      await startWeb(6);
      const router = await routerOf();
      const name = where === "router" ? router : where;
      const enter = name === "host" ? [] : ["nsenter", `--net=/run/netns/${name}`];
      const foreign =
        "add table ip foreign; add chain ip foreign c { type filter hook input priority 0; }; add rule ip foreign c counter";
      const isFlush = command === "nft flush ruleset";
      const address = await vip();
      const [client] = await swarm.running("client-2");
      if (!client) throw new Error("no client");
      let before = "";
      await eventually(async () => {
        const now = await look("node-2", router);
        const isSame = now === before;
        before = now;
        expect(isSame).toBe(true);
      });
      await cluster.exec("node-2", ...enter, "nft", foreign);
      const done = await cluster.exec("node-2", ...enter, "sh", "-c", command);
      expect(done).toMatchObject({ code: 0 });
      const since = performance.now();
      await eventually(async () => expect(await look("node-2", router)).toBe(before), 5000, 20);
      const tookMs = performance.now() - since;
      console.info(`${what}: repaired after ${Math.round(tookMs)} ms`);
      if (!isFlush) {
        const { stdout } = await cluster.exec("node-2", ...enter, "nft", "list", "table", "ip", "foreign");
        expect(stdout).toContain("counter packets");
        await cluster.exec("node-2", ...enter, "nft", "delete", "table", "ip", "foreign");
      }
      expect(tookMs).toBeLessThan(2000);
      const load = await Load.start(clients, { node: client.node, container: client.id }, address, 80, 50);
      await sleep(500);
      const { failures: failed, done: answered } = await load.end();
      expect(failed).toEqual({});
      expect(answered).toBeGreaterThan(5);
    });
  });
});
