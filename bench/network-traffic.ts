import { availableParallelism } from "node:os";
import { runCommand } from "@skep/testkit";
import type { BenchCluster, Place } from "./network-cluster.ts";
import { bulk, type Load, type Run, requests } from "./network-load.ts";
import { percentile, report } from "./report.ts";

// Every path in every round, so that whatever else the machine does hits all of them alike; a ratio is the median of
// the rounds' own. Client, servers and both nodes share this machine's processors: a path's cost is the sum of all its
// hops', and its share of the direct path's figure is what counts.

const bench = "network";
const rounds = 8;
const bulkRounds = 4;

/** Client and server on a processor of their own each, as nothing is compared otherwise. */
const [client, server] =
  availableParallelism() > 1
    ? [
        ["taskset", "1"],
        ["taskset", "2"],
      ]
    : [[], []];
const nginx = [...server, "nginx"];
const iperfPort = 5201;

interface Path {
  readonly name: string;
  readonly from: Run;
  readonly host: string;
  readonly port: number;
  readonly bulkPort: number;
  /** The path whose figures this one's are a share of. */
  readonly direct?: Path;
  readonly target?: string;
}

interface Samples {
  readonly loads: Load[];
  readonly bulks: number[];
}

/** Services that are only there: each has its address in the router's maps, and no task. */
async function addServices(swarm: BenchCluster, network: string, count: number): Promise<void> {
  const spec = (index: number) => ({
    Name: `idle-${index}`,
    TaskTemplate: { ContainerSpec: { Image: "web:local" }, Networks: [{ Target: network }] },
    Mode: { Replicated: { Replicas: 0 } },
  });
  for (let start = 0; start < count; start += 50) {
    const some = Array.from({ length: 50 }, (_, i) => swarm.call("POST", "/services/create", spec(start + i)));
    await Promise.all(some);
  }
}

async function findPaths(swarm: BenchCluster): Promise<Path[]> {
  await swarm.docker("network", "create", "-d", "overlay", "net1");
  await swarm.docker("network", "create", "-d", "overlay", "--subnet", "10.99.0.0/16", "crowded");
  const publish = (http: number, iperf: number) => ["-p", `${http}:80`, "-p", `${iperf}:${iperfPort}`];
  const near = await swarm.place("near", "node-1", ["--network", "net1", ...publish(8080, 5280)], nginx);
  const far = await swarm.place("far", "node-2", ["--network", "net1", ...publish(8081, 5281)], nginx);
  const crowded = await swarm.place("crowded-far", "node-2", ["--network", "crowded"], nginx);
  const asker = await swarm.place("asker", "node-1", ["--network", "net1"], ["sleep", "100000"]);
  const crowdedAsker = await swarm.place("crowded-asker", "node-1", ["--network", "crowded"], ["sleep", "100000"]);
  await addServices(swarm, "crowded", 1000);
  const plain = (await swarm.engine("node-1", "run", "-d", "--network", "host", "web:local", ...nginx)).trim();
  for (const place of [near, far, crowded, { node: "node-1", container: plain, address: "" }])
    await serveBulk(swarm, place);

  const inside = pinned(await swarm.inside(asker));
  const insideCrowd = pinned(await swarm.inside(crowdedAsker));
  const outside = pinned(runCommand);
  const at = (name: string, from: Run, host: string, more: Partial<Path> = {}): Path => ({
    ...{ name, from, host, port: 80, bulkPort: iperfPort },
    ...more,
  });
  const node = swarm.address("node-1");
  const same = at("direct, same node", inside, near.address);
  const cross = at("direct, other node", inside, far.address);
  const crowd = at("direct, other node, 1,000 services", insideCrowd, crowded.address);
  const process = at("process on the node, from outside", outside, node);
  const vip = { target: ">= 0.95" };
  return [
    same,
    at("virtual IP, same node", inside, await swarm.vip("near", "net1"), { direct: same, ...vip }),
    cross,
    at("virtual IP, other node", inside, await swarm.vip("far", "net1"), { direct: cross, ...vip }),
    at("mesh, task on other node", outside, node, { port: 8081, bulkPort: 5281, direct: cross, target: ">= 0.85" }),
    process,
    at("mesh, task on entry node", outside, node, { port: 8080, bulkPort: 5280, direct: process, target: ">= 0.75" }),
    crowd,
    at("virtual IP, other node, 1,000 services", insideCrowd, await swarm.vip("crowded-far", "crowded"), {
      ...{ direct: crowd, ...vip },
    }),
  ];
}

const pinned =
  (run: Run): Run =>
  (command) =>
    run([...client, ...command]);

/** Few sockets wait for their end in a server: past some thousands of one client, connecting takes longer on any path. */
async function serveBulk(swarm: BenchCluster, place: Place): Promise<void> {
  const run = await swarm.inside(place);
  const settings = await run(["sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=64"]);
  const iperf = await run([...server, "iperf3", "--server", "--port", `${iperfPort}`, "--daemon"]);
  if (settings.code !== 0 || iperf.code !== 0) throw new Error(`${settings.stderr}${iperf.stderr}${iperf.stdout}`);
}

export async function measureTraffic(swarm: BenchCluster): Promise<void> {
  const paths = await findPaths(swarm);
  const samples = new Map<Path, Samples>(paths.map((path) => [path, { loads: [], bulks: [] }]));
  for (const { from, host, port } of paths) await requests(from, host, port);
  for (let round = 0; round < rounds; round++) {
    for (const [{ from, host, port, bulkPort }, { loads, bulks }] of samples) {
      loads.push(await requests(from, host, port));
      if (round % (rounds / bulkRounds) === 0) bulks.push(await bulk(from, host, bulkPort));
    }
  }
  for (const [path, own] of samples) reportPath(path, own, path.direct && samples.get(path.direct));
}

const median = (samples: readonly number[]) => percentile(samples, 50);

function reportPath({ name, direct, target }: Path, own: Samples, other: Samples | undefined): void {
  const figures = (samples: Samples) =>
    [
      ["keep-alive", samples.loads.map(({ perSecond }) => perSecond), "req/s"],
      ["new connections", samples.loads.map(({ connectionsPerSecond }) => connectionsPerSecond), "req/s"],
      ["bulk", samples.bulks, "Gbit/s"],
    ] as const;
  const others = other && figures(other);
  for (const [index, [kind, values, unit]] of figures(own).entries()) {
    report({ bench, metric: `${name}: ${kind}`, value: median(values), unit });
    const compared = others?.[index]?.[1];
    if (!direct || !compared) continue;
    const ratio = median(values.map((value, round) => value / (compared[round] ?? Number.NaN)));
    const figure = { bench, metric: `${name}: ${kind}, of ${direct.name}`, value: ratio, unit: "" };
    report(kind === "keep-alive" && target !== undefined ? { ...figure, target } : figure);
  }
  report({ bench, metric: `${name}: keep-alive p50`, value: median(own.loads.map(({ p50Us }) => p50Us)), unit: "µs" });
  report({ bench, metric: `${name}: keep-alive p99`, value: median(own.loads.map(({ p99Us }) => p99Us)), unit: "µs" });
  const rates = own.loads.map(({ perSecond }) => perSecond);
  const spread = (100 * (percentile(rates, 75) - percentile(rates, 25))) / median(rates);
  report({ bench, metric: `${name}: keep-alive, middle half of the rounds`, value: spread, unit: "% wide" });
}
