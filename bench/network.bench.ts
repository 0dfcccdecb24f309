import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { enterCommand, initPid } from "@skep/machine";
import { Cluster, runCommand } from "@skep/testkit";
import { cpuMs } from "./cpu-time.ts";
import { type Load, measurePaths, onProcessor, type Path, ratio } from "./load.ts";
import { percentile, report } from "./report.ts";
import { Swarm, type Wanted } from "./swarm.ts";

// What a packet's way costs on three nodes of this machine, which share its processors: containers of one network that
// call each other directly and by virtual IP, and the routing mesh, called from outside; each beside the way without the
// mechanism in the same run. Then what changes cost. Needs root.

const bench = "network";
const rounds = 5;
const moreServices = 1000;
const attachedAtOnce = 50;
const entry = "node-1";
const other = "node-2";
const idle = "node-3";
const nginx = onProcessor("servers", ["nginx"]);
const sleeper = ["sleep", "100000"] as const;
const median = (samples: readonly number[]) => percentile(samples, 50);

await using cluster = await Cluster.create({ nodes: 3 });
await using servers = new AsyncDisposableStack();
await cluster.importTestImage("web:local", "web");
await logAttachments(idle);
await cluster.formSwarm();
const swarm = new Swarm(cluster.machine(entry).paths.skepSocket);
const network = await swarm.createNetwork("bench");

await measureStart();
await Promise.all([
  swarm.start({ name: "client", replicas: 1, node: entry, network, command: sleeper }),
  swarm.start({ name: "near", replicas: 1, node: entry, network, command: nginx }),
  swarm.start({ name: "far", replicas: 1, node: other, network, command: nginx }),
  swarm.start({ name: "mesh-near", replicas: 1, node: entry, command: nginx, ports: { 8081: 80, 8082: 5201 } }),
  swarm.start({ name: "mesh-far", replicas: 1, node: other, command: nginx, ports: { 8083: 80, 8084: 5201 } }),
]);
const near = await swarm.taskOf("near", network);
const far = await swarm.taskOf("far", network);
const client = await beside(entry, (await swarm.taskOf("client")).container);
await servePlainly();
await serveBulk(entry, "near", "mesh-near");
await serveBulk(other, "far", "mesh-far");
await shortenMemory();

const inNetwork = (name: string, host: string): Path => ({ name, enter: client, host, port: 80, bulkPort: 5201 });
const fromOutside = (name: string, port: number, bulkPort: number): Path => {
  return { name, enter: (command) => command, host: cluster.machine(entry).address, port, bulkPort };
};
const direct = {
  near: inNetwork("direct, same node", near.address),
  far: inNetwork("direct, other node", far.address),
  plain: fromOutside("a process of the node, from outside", 8080, 5201),
};
const vip = {
  near: inNetwork("VIP, task on the same node", await swarm.vipOf("near", network)),
  far: inNetwork("VIP, task on another node", await swarm.vipOf("far", network)),
};
const mesh = {
  near: fromOutside("mesh, task on the entry node", 8081, 8082),
  far: fromOutside("mesh, task on another node", 8083, 8084),
};

const loads = await measurePaths(
  [direct.near, vip.near, direct.far, vip.far, mesh.far, direct.plain, mesh.near], // beside what it is compared with
  rounds,
);
for (const path of Object.values(direct)) reportLoad(loads, path);
reportLoad(loads, vip.near, { to: direct.near, floor: 0.95 });
reportLoad(loads, vip.far, { to: direct.far, floor: 0.95 });
reportLoad(loads, mesh.near, { to: direct.plain, floor: 0.75 });
reportLoad(loads, mesh.far, { to: direct.far, floor: 0.85 });

await measureAttaching();
await createMore();
const amongMany = await measurePaths([direct.near, vip.near, direct.far, vip.far], rounds);
const suffix = `, ${moreServices.toLocaleString("en-US")} more services without tasks`;
reportLoad(amongMany, vip.near, { to: direct.near, floor: 0.95 }, suffix);
reportLoad(amongMany, vip.far, { to: direct.far, floor: 0.95 }, suffix);
await measureChange();

interface Compared {
  readonly to: Path;
  readonly floor: number;
}

function reportLoad(all: ReadonlyMap<Path, Load>, path: Path, compared?: Compared, suffix = ""): void {
  const load = all.get(path);
  const base = compared && all.get(compared.to);
  if (!load) return;
  const requests = ({ kept }: Load) => kept.map((each) => each.requests);
  const row = (metric: string, value: number, unit: string, target?: string) =>
    report({ bench, metric: `${path.name}${suffix}: ${metric}`, value, unit, ...(target && { target }) });
  row("keep-alive", median(requests(load)), "req/s");
  row("p50", median(load.kept.map(({ p50 }) => p50)), "µs");
  row("p99", median(load.kept.map(({ p99 }) => p99)), "µs");
  row("new connections", median(load.fresh), "req/s");
  row("bulk", median(load.bulk), "Gbit/s");
  if (base) {
    // less than the rates it is moved by whatever else runs
    const p50s = ({ kept }: Load) => kept.map(({ p50 }) => p50);
    row(`p50 of ${compared.to.name} to this`, ratio(p50s(base), p50s(load)), "");
    row(`keep-alive, to ${compared.to.name}`, ratio(requests(load), requests(base)), "", `>= ${compared.floor}`);
    row(`new connections, to ${compared.to.name}`, ratio(load.fresh, base.fresh), "");
    row(`bulk, to ${compared.to.name}`, ratio(load.bulk, base.bulk), "");
  } else {
    const rates = requests(load);
    const spread = (percentile(rates, 75) - percentile(rates, 25)) / median(rates);
    row("keep-alive, middle half of the rounds", 100 * spread, "% wide");
  }
}

/** Three tasks from the call that creates them until all run, on a network and without. */
async function measureStart(): Promise<void> {
  const seconds = async (wanted: Wanted) => {
    const begin = performance.now();
    await swarm.start(wanted);
    const took = (performance.now() - begin) / 1000;
    await swarm.remove(wanted.name);
    return took;
  };
  const on: number[] = [];
  const without: number[] = [];
  for (let round = 0; round < rounds; round++) {
    without.push(await seconds({ name: `without-${round}`, replicas: 3, command: sleeper }));
    on.push(await seconds({ name: `on-${round}`, replicas: 3, network, command: sleeper }));
  }
  const value = median(on);
  report({ bench, metric: "service create to 3 tasks running, on a network", value, unit: "s" });
  const metric = "service create to 3 tasks running, on a network to without";
  report({ bench, metric, value: ratio(on, without), unit: "" });
}

/** Many containers that start at once on one node: how long each one's start waits for its network. */
async function measureAttaching(): Promise<void> {
  await swarm.start({ name: "many", replicas: attachedAtOnce, node: idle, network, command: sleeper });
  const took = (await cluster.logs(idle)).split("\n").flatMap((line) => {
    const { msg, container, tookMs } = parseLine(line);
    return msg === "container attached" && container?.startsWith("many.") && tookMs !== undefined ? [tookMs] : [];
  });
  if (took.length !== attachedAtOnce) throw new Error(`${took.length} of ${attachedAtOnce} containers attached`);
  const metric = `attach, ${attachedAtOnce} containers at once`;
  report({ bench, metric: `${metric}: p50`, value: percentile(took, 50), unit: "ms", target: "<= 15 ms" });
  report({ bench, metric: `${metric}: p99`, value: percentile(took, 99), unit: "ms", target: "<= 50 ms" });
}

function parseLine(line: string): { readonly msg?: string; readonly container?: string; readonly tookMs?: number } {
  return line.startsWith("{") ? JSON.parse(line) : {};
}

async function createMore(): Promise<void> {
  const begin = performance.now();
  await inTurns(moreServices, 20, (index) =>
    swarm.create({ name: `more-${index}`, replicas: 0, network, command: sleeper }),
  );
  const value = (performance.now() - begin) / 1000;
  report({ bench, metric: `${moreServices.toLocaleString("en-US")} services created`, value, unit: "s" });
  await sleep(1000); // until all nodes have them
}

async function inTurns(count: number, atOnce: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** One task more or less elsewhere, as it burdens a node that is on the network with 50 containers of its own. */
async function measureChange(): Promise<void> {
  const steps = 10;
  const settleMs = 1000;
  const changing: Wanted = { name: "changing", replicas: 0, node: other, network, command: nginx };
  await swarm.create(changing);
  await sleep(settleMs);
  const pid = cluster.pid(idle);
  const cpuWhile = async (work: () => Promise<unknown>) => {
    const begin = { cpu: cpuMs(pid), at: performance.now() };
    await work();
    return { cpu: cpuMs(pid) - begin.cpu, ms: performance.now() - begin.at };
  };
  const quiet = await cpuWhile(() => sleep(5 * settleMs));
  const busy = await cpuWhile(async () => {
    for (let step = 0; step < steps; step++) {
      const replicas = step + 1;
      await swarm.scale({ ...changing, replicas });
      await swarm.untilRunning(changing.name, replicas);
      await sleep(settleMs / 2);
    }
  });
  const value = (busy.cpu - quiet.cpu * (busy.ms / quiet.ms)) / steps;
  const metric = `one endpoint more elsewhere${suffix}: CPU of skepd`;
  report({ bench, metric, value, unit: "ms", target: "<= 10 ms" });
}

/** Commands for the network of a container, with this machine's programs. */
async function beside(node: string, container: string): Promise<Path["enter"]> {
  const { stdout, stderr } = await cluster.engine(node, "inspect", "--format", "{{.State.Pid}}", container);
  const pid = Number(stdout);
  if (!(pid > 0)) throw new Error(`container ${container} does not run on ${node}: ${stderr}`);
  return (command) => inNode(node, ["nsenter", "--target", `${pid}`, "--net", "--", ...command]);
}

function inNode(node: string, command: readonly string[]): readonly string[] {
  const init = initPid(cluster.machine(node));
  if (init === undefined) throw new Error(`${node} is stopped`);
  return enterCommand(init, command);
}

/** A server until the end of this benchmark; what is left of it ends with its node. */
function serve([file = "", ...args]: readonly string[]): void {
  const child = spawn(file, args, { stdio: "ignore" });
  servers.defer(() => void child.kill("SIGKILL"));
}

/** nginx as in the containers, and iperf3, as processes of the entry node. */
async function servePlainly(): Promise<void> {
  const { home } = cluster.machine(entry).paths;
  const config = join(home, "nginx.conf");
  const text = (await cluster.engine(entry, "exec", near.container, "cat", "/etc/nginx/nginx.conf")).stdout;
  await writeFile(
    config,
    text.replace("listen 80 ", "listen 8080 ").replace("/run/nginx.pid", join(home, "nginx.pid")),
  );
  serve(inNode(entry, onProcessor("servers", ["nginx", "-c", config, "-e", "/dev/null"])));
  serve(inNode(entry, onProcessor("servers", ["iperf3", "--server"])));
}

async function serveBulk(node: string, ...services: readonly string[]): Promise<void> {
  for (const service of services) {
    const enter = await beside(node, (await swarm.taskOf(service)).container);
    serve(enter(onProcessor("servers", ["iperf3", "--server"])));
  }
}

/**
 * Connections are forgotten soon after their end: tens of thousands of them between the same two ends slow all new ones
 * down, whatever their way.
 */
async function shortenMemory(): Promise<void> {
  const script = [
    "echo 64 >/proc/sys/net/ipv4/tcp_max_tw_buckets",
    "echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait",
  ].join("; ");
  const inRouters = `for each in /run/netns/skep-*; do nsenter --net=$each sh -c '${script}'; done`;
  const servers = { client: entry, near: entry, far: other, "mesh-near": entry, "mesh-far": other };
  await Promise.all([
    ...[entry, other].map((node) => must(inNode(node, ["sh", "-e", "-c", `${script}; ${inRouters}`]))),
    ...Object.entries(servers).map(async ([service, node]) => {
      const enter = await beside(node, (await swarm.taskOf(service)).container);
      await must(enter(["sh", "-e", "-c", script]));
    }),
  ]);
}

async function must(command: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runCommand(command);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}: ${stderr}${stdout}`);
}

/** skepd tells in its log how long attaching took when it tells everything. */
async function logAttachments(node: string): Promise<void> {
  await writeFile(cluster.machine(node).paths.skepdConfig, JSON.stringify({ "log-level": "debug" }));
  await cluster.killSkepd(node);
  await cluster.startSkepd(node);
}
