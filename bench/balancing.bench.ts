import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, runCommand } from "@skep/testkit";
import { percentile, report } from "./report.ts";
import { Swarm } from "./swarm.ts";

// Ways in which the proxy can reach the five tasks of a service on three nodes: how evenly each of them spreads requests on
// kept connections, and what it costs. In turns, against the way that is the default. Needs root.

const bench = "balancing";
const rounds = 5;
const requests = 1000;
const connections = 16;

const ways = {
  "task addresses, the default": "",
  "virtual IP, kept connections": "&discoveryType=VIP",
  "virtual IP, a connection per request": "&discoveryType=VIP&connectionMode=http-server-close",
  "names of tasks by HAProxy's own resolver": "&discoveryType=DNS&replicas=5",
};

await using cluster = await Cluster.create({ nodes: 3 });
await cluster.importTestImage("web:local", "web");
await cluster.importTestImage("skep/proxy:latest", "proxy");
await cluster.formSwarm();
const swarm = new Swarm(cluster.machine("node-1").paths.skepSocket);
const network = await swarm.createNetwork("proxy");
await swarm.start({ name: "go-demo", replicas: 5, network, command: ["nginx"] });
await swarm.start({
  name: "proxy",
  image: "skep/proxy:latest",
  replicas: 1,
  node: "node-1",
  network,
  ports: { 80: 80, 8080: 8080 },
});
const { address } = cluster.machine("node-1");
const api = `http://${address}:8080/v1/docker-flow-proxy`;
const names = Object.keys(ways);
for (const [i, parameters] of Object.values(ways).entries()) {
  const route = `serviceName=go-demo-${i}&servicePath=/way-${i}&port=80&outboundHostname=go-demo&reqPathSearchReplace=/way-${i},/demo`;
  const { status } = await fetch(`${api}/reconfigure?${route}${parameters}`);
  if (status !== 200) throw new Error(`reconfigure: ${status}`);
}
await sleep(3000); // until the tasks are known, by whoever looks them up

const spreads = new Map<string, number[]>();
const rates = new Map<string, number[]>();
for (let round = 0; round < rounds; round++) {
  for (const [i, name] of round % 2 === 0 ? [...names.entries()] : [...names.entries()].reverse()) {
    const shares = await spread(`/way-${i}`);
    spreads.set(name, [...(spreads.get(name) ?? []), Math.max(...shares) - Math.min(...shares)]);
    rates.set(name, [...(rates.get(name) ?? []), await rate(`/way-${i}`)]);
  }
}
const base = rates.get(names[0] ?? "") ?? [];
for (const name of names) {
  const own = rates.get(name) ?? [];
  const ratio = percentile(
    own.map((each, i) => each / (base[i] ?? Number.NaN)),
    50,
  );
  report({
    bench,
    metric: `${name}: most minus fewest of 200 each`,
    value: percentile(spreads.get(name) ?? [], 50),
    unit: "requests",
  });
  report({ bench, metric: `${name}: keep-alive`, value: percentile(own, 50), unit: "req/s" });
  report({ bench, metric: `${name}: keep-alive, to the default`, value: ratio, unit: "" });
}

/** How many of the requests each of the five tasks has answered. */
async function spread(path: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const shares = new Map<string, number>();
  let left = requests;
  const client = async () => {
    while (left-- > 0) {
      const task = await ask(agent, path);
      shares.set(task, (shares.get(task) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  agent.destroy();
  return [...shares.values(), ...Array.from({ length: 5 - shares.size }, () => 0)];
}

function ask(agent: Agent, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: address, path, agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      response.on("end", () => resolve(body.split(" ")[0] ?? ""));
    })
      .on("error", reject)
      .end();
  });
}

async function rate(path: string): Promise<number> {
  const { stdout } = await runCommand(["wrk", "-t1", "-c64", "-d1s", `http://${address}${path}`]);
  if (/Socket errors|Non-2xx/.test(stdout)) throw new Error(`${path}: ${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}
