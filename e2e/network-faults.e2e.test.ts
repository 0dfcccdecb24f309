import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bare } from "@skep/model";
import { Cluster, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Clients, type From, inside, shares } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { inNamespace, kernelView } from "./kernel-view.ts";
import { Load, type LoadResult } from "./loads.ts";
import { type AddressedTask, type NamedNetwork, virtualIp } from "./networks.ts";
import { clusterProblem, Operator, quick } from "./operator.ts";

// What happens to the traffic of three nodes when something is taken away from under it.

const skep = fileURLToPath(new URL("../bin/skep", import.meta.url));

/** A task that runs may not listen yet: only its own program knows when it does. */
const healthy = [
  ...["--health-cmd", "busybox wget -q -O /dev/null http://127.0.0.1/", "--health-interval", "500ms"],
  ...["--health-timeout", "5s", "--health-retries", "20"],
] as const;
/** nginx answers what it has begun, then ends. */
const graceful = [...healthy, "--stop-signal", "SIGQUIT", "--stop-grace-period", "10s"] as const;
const update = ["service", "update", "--detach", "--no-resolve-image"] as const;

describe.skipIf(clusterProblem())(`faults of the network of three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;
  const sources: From[] = [];

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    await swarm.docker("network", "create", "-d", "overlay", "net1");
    const flags = ["--network", "net1", "--publish", "8080:80", "--update-parallelism", "1", ...graceful];
    const entries = ["--network", "net1", "--mode", "global"];
    await swarm.docker("service", "create", ...quick, "--name", "client", ...entries, "web:local", "whoami", "80");
    await swarm.start("web", 5, flags, ["web:local", "nginx"]);
    const entered = await swarm.untilRunning("client", 3).then(() => swarm.running("client"));
    sources.push(...entered.toSorted((a, b) => a.node.localeCompare(b.node)).map(inside));
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** From containers of the first two nodes to the virtual IP, and from outside to a node's published port. */
  async function startLoads(perSecond: number, entry = "node-2"): Promise<Load[]> {
    const vip = await virtualIp(swarm, "web", "net1");
    const inside = sources.slice(0, 2).map((from) => Load.start(clients, from, vip, 80, perSecond / 3));
    const outside = Load.start(clients, "outside", cluster.machine(entry).address, 8080, perSecond / 3);
    const loads = await Promise.all([...inside, outside]);
    await sleep(500); // they are under way
    return loads;
  }

  async function results(what: string, loads: readonly Load[]): Promise<LoadResult[]> {
    const ended = await Promise.all(loads.map((load) => load.end()));
    for (const { tasks, ...rest } of ended) {
      console.info(what, JSON.stringify({ ...rest, tasks: Object.keys(tasks).length }));
    }
    return ended;
  }

  const failures = (ended: readonly LoadResult[]) => ended.map((result) => result.failures);
  const none = [{}, {}, {}];

  const untilReady = () =>
    eventually(async () => expect((await swarm.docker("node", "ls")).match(/Ready/g)).toHaveLength(3));

  const scale = async (replicas: number) => {
    await swarm.docker("service", "scale", "-d", `web=${replicas}`);
    await swarm.untilRunning("web", replicas);
    await eventually(async () => expect(await swarm.running("web")).toHaveLength(replicas));
  };

  describe("under load, no request fails", () => {
    test("while skepd is killed on all nodes, is away, and comes back; then changes flow again", async () => {
      const loads = await startLoads(2000);
      await Promise.all(cluster.names.map((node) => cluster.killSkepd(node)));
      await sleep(3000);
      await Promise.all(cluster.names.map((node) => cluster.startSkepd(node)));
      await untilReady();
      const whileAway = await results("kill -9 of skepd", loads);
      expect(failures(whileAway)).toEqual(none);

      const after = await startLoads(1000);
      await scale(6);
      const how = ["--update-order", "start-first", "--update-parallelism", "0", "--env-add", "A=1"];
      await swarm.docker(...update, ...how, "web");
      await swarm.untilUpdate("web", "completed");
      await sleep(300);
      const changed = await results("scale and update after it", after);
      expect(failures(changed)).toEqual(none);
      for (const { tasks } of changed) expect(Object.keys(tasks).length).toBeGreaterThan(6);
    });

    test.each(["start-first", "stop-first"])("during a rolling update, %s", async (order) => {
      await scale(4);
      const loads = await startLoads(1000);
      const how = ["--update-order", order, "--update-parallelism", "1", "--env-add", `ORDER=${order}`];
      await swarm.docker(...update, ...how, "web");
      await eventually(async () => expect((await swarm.inspect("web")).UpdateStatus?.State).toBe("updating"));
      await swarm.untilUpdate("web", "completed");
      await sleep(300);
      const ended = await results(`update ${order}`, loads);
      expect(failures(ended)).toEqual(none);
      for (const { tasks } of ended) expect(Object.keys(tasks).length).toBeGreaterThanOrEqual(8);
    });

    test("while a service is scaled down, and while a node is drained", async () => {
      await scale(6);
      const loads = await startLoads(1000, "node-3");
      await scale(3);
      await swarm.docker("node", "update", "--availability", "drain", "node-3");
      await eventually(async () => {
        const running = await swarm.running("web");
        expect(running).toHaveLength(3);
        expect(running.filter(({ node }) => node === "node-3")).toEqual([]);
      });
      await sleep(300);
      const ended = await results("scale down and drain", loads);
      await swarm.docker("node", "update", "--availability", "active", "node-3");
      await swarm.untilRunning("client", 3);
      expect(failures(ended)).toEqual(none);
    });
  });

  describe("what somebody takes away is repaired within two seconds, and foreign rules are left alone", () => {
    const node = "node-2";
    const foreign = ["ip", "inet"].map(
      (family) =>
        `add table ${family} foreign; add chain ${family} foreign c { type filter hook input priority 0; }; add rule ${family} foreign c accept`,
    );
    let router = "";
    let namespaces: readonly string[] = [];
    let before = "";

    /** A script in which `@` says: in this namespace. */
    const run = async (namespace: string, script: string): Promise<string> => {
      const command = ["sh", "-c", script.replaceAll("@ ", inNamespace(namespace))];
      const { stdout, stderr, code } = await cluster.exec(node, ...command);
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: "" });
      return stdout;
    };
    const foreignTables = async () =>
      Promise.all(namespaces.map((name) => run(name, "@ nft list table ip foreign; @ nft list table inet foreign")));

    beforeAll(async () => {
      await swarm.start("steady", 6, ["--network", "net1", "--publish", "8081:80"], ["web:local", "whoami", "80"]);
      router = `skep-${(await swarm.api<NamedNetwork>("/v1.41/networks/net1")).Id.slice(0, 12)}`;
      namespaces = ["host", "skep-gw", router];
      for (const name of namespaces) {
        for (const rules of foreign) await run(name, `@ nft '${rules}'`);
      }
      before = await eventually(async () => {
        const view = await kernelView(cluster, node, namespaces);
        await sleep(300);
        expect(await kernelView(cluster, node, namespaces)).toBe(view);
        return view;
      });
    });

    test.each([
      ["the node's tables", "host", "@ nft flush table ip skep; @ nft delete table ip skep"],
      ["the gateway's tables", "skep-gw", "@ nft flush table ip skep"],
      ["a router's tables", "router", "@ nft delete table ip skep"],
      ["a route", "router", "@ ip route del $(@ ip route | grep -m1 vx0 | cut -d' ' -f1)"],
      [
        "a neighbour",
        "router",
        "@ ip neigh del $(@ ip neigh show nud permanent dev vx0 | head -1 | cut -d' ' -f1) dev vx0",
      ],
      ["an FDB entry", "router", "@ bridge fdb del $(@ bridge fdb show | grep -m1 dst | cut -d' ' -f1) dev vx0"],
      ["a container's veth", "router", "@ ip link del $(@ ip -o link | grep -oE -m1 'v[0-9a-f]{8}')"],
      ["a node's address", "host", "@ ip address del 169.254.254.1/30 dev skep-up"],
      ["the tunnel", "router", "@ ip link del vx0"],
      ["the uplink", "host", "@ ip link del skep-up"],
      ["a rule", "skep-gw", "@ ip rule del pref $(@ ip rule | grep -m1 fwmark | cut -d: -f1)"],
    ])("%s", async (what, where, command) => {
      const others = await foreignTables();
      await run(where === "router" ? router : where, command);
      const since = performance.now();
      await eventually(async () => expect(await kernelView(cluster, node, namespaces)).toBe(before), 5000, 20);
      const tookMs = performance.now() - since;
      console.info(`${what}: repaired after ${Math.round(tookMs)} ms`);
      expect(tookMs).toBeLessThan(2000);
      expect(await foreignTables()).toEqual(others);
      const vip = await virtualIp(swarm, "steady", "net1");
      expect(shares(await clients.tcp(sources[1] ?? "outside", vip, 80, 6))).toEqual([1, 1, 1, 1, 1, 1]);
      const mesh = await clients.tcp("outside", cluster.machine(node).address, 8081, 6);
      expect(shares(mesh)).toEqual([1, 1, 1, 1, 1, 1]);
    });

    afterAll(async () => {
      await swarm.docker("service", "rm", "steady");
    });
  });

  test("after a node's power cut all requests of others soon succeed; when it is back, nothing is stale", async () => {
    await scale(6);
    const begun = performance.now();
    const loads = await startLoads(150);
    await cluster.kill("node-3");
    const cutMs = performance.now() - begun;
    await sleep(8000);
    const ended = await results("power cut", loads);
    for (const { lastMs } of ended.flatMap((result) => Object.values(result.failures))) {
      expect(lastMs).toBeLessThan(cutMs + 3500);
    }
    await swarm.untilRunning("web", 6);

    await cluster.start("node-3");
    await untilReady();
    // what ran there when the power went is first found to have ended
    await eventually(async () => expect(await swarm.running("client")).toHaveLength(3));
    await eventually(async () => expect(await swarm.running("web")).toHaveLength(6));
    await swarm.untilRunning("client", 3);
    const env = { ...process.env, DOCKER_HOST: `unix://${cluster.machine("node-1").paths.skepSocket}` };
    await eventually(async () => {
      const { stdout, stderr } = await runCommand([skep, "network", "status", "--json"], { env });
      expect(stderr).toBe("");
      const { Networks } = JSON.parse(stdout) as StatusView;
      for (const { Nodes } of Networks) {
        expect(Nodes.map(({ UpToDate, Problems }) => ({ UpToDate, Problems }))).toEqual(
          Nodes.map(() => ({ UpToDate: true, Problems: [] })),
        );
      }
      expect(Networks.map(({ Nodes }) => Nodes.length)).toEqual(Networks.map(() => 3));
    });
    const [inspected] = JSON.parse(await swarm.docker("network", "inspect", "-v", "net1")) as VerboseView[];
    const known = inspected?.Services.web?.Tasks.map(({ EndpointIP }) => EndpointIP).toSorted();
    expect(known).toEqual(await addressesOf("web", inspected?.Id));
    const vip = await virtualIp(swarm, "web", "net1");
    const [onThird] = (await swarm.running("client")).filter(({ node }) => node === "node-3");
    const again = await Load.start(clients, { node: "node-3", container: onThird?.id ?? "" }, vip, 80, 100);
    const mesh = await Load.start(clients, "outside", cluster.machine("node-3").address, 8080, 100);
    await sleep(1000);
    for (const { failures, tasks } of await results("back", [again, mesh])) {
      expect(failures).toEqual({});
      expect(Object.keys(tasks)).toHaveLength(6);
    }
  });

  /** The addresses of the tasks of a service that shall run, on a network. */
  async function addressesOf(service: string, network: string | undefined): Promise<string[]> {
    const filters = encodeURIComponent(JSON.stringify({ service: [service], "desired-state": ["running"] }));
    const tasks = await swarm.api<AddressedTask[]>(`/v1.41/tasks?filters=${filters}`);
    const attachments = tasks.flatMap(({ NetworksAttachments = [] }) => NetworksAttachments);
    const on = attachments.filter(({ Network }) => Network.ID === network);
    return on.flatMap(({ Addresses }) => Addresses.map((address) => bare(address))).toSorted();
  }
});

interface StatusView {
  readonly Networks: readonly {
    readonly Nodes: readonly { readonly UpToDate: boolean; readonly Problems: readonly string[] }[];
  }[];
}

interface VerboseView {
  readonly Id: string;
  readonly Services: Readonly<Record<string, { readonly Tasks: readonly { readonly EndpointIP: string }[] }>>;
}
