import type { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ProxyScene } from "../packages/proxy/test/proxy-scene.ts";
import { cpuMs } from "./cpu-time.ts";
import { percentile, report } from "./report.ts";

// The reverse proxy beside what it is compared with: a plain HAProxy, nginx and Caddy with one route, on ports of the same network
// namespace, in turns. Then what changes cost with 1,000 services, and what they do to requests. Needs root.

const bench = "proxy";
const starts = 3;
const rounds = 3;
const many = 1000;
const median = (values: readonly number[]) => percentile(values, 50);
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const routes = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => {
      const name = `service-${String(i).padStart(4, "0")}`;
      return [name, `serviceName=${name}&servicePath=/${name}&port=9100&outboundHostname=127.0.0.1`];
    }),
  );

async function startProxy(count: number, env: Record<string, string> = {}): Promise<ProxyScene> {
  return await ProxyScene.start({ EXTRA_GLOBAL: "nbthread 1", LOG_LEVEL: "warn", ...env }, async (scene) => {
    await mkdir(scene.file("cfg"), { recursive: true });
    await writeFile(scene.file("cfg/routes.json"), JSON.stringify({ http: routes(count) }));
    await serveUpstream(scene);
  });
}

/** nginx, which answers with 20 bytes. */
async function serveUpstream(scene: ProxyScene): Promise<void> {
  const config = `user root; worker_processes 1; daemon off; pid ${scene.file("nginx.pid")}; error_log /dev/null;
    events { worker_connections 4096; }
    http { access_log off; keepalive_requests 1000000; server { listen 9100; location / { return 200 "12345678901234567890"; } } }`;
  await writeFile(scene.file("upstream.conf"), config);
  scene.spawn(["nginx", "-e", "/dev/null", "-c", scene.file("upstream.conf")]);
}

interface Peer {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly pids: () => Promise<number[]>;
}

await measurePeers();
await measureChanges();
await measureLoad();

/** What a request costs depends on where a process happens to have its memory, by some percent: each is started anew. */
async function measurePeers(): Promise<void> {
  const cost = new Map<string, number[]>();
  const rate = new Map<string, number[]>();
  for (let start = 0; start < starts; start++) await comparePeers(cost, rate);
  const [base = []] = cost.values();
  for (const [name, own] of cost) {
    report({ bench, metric: `${name}: CPU per request`, value: median(own), unit: "µs" });
    report({ bench, metric: `${name}: keep-alive`, value: median(rate.get(name) ?? []), unit: "req/s" });
    const ratio = median(own.map((each, i) => each / (base[i] ?? Number.NaN)));
    const target = name.includes("the last") ? { target: "<= 1.1" } : {};
    report({ bench, metric: `${name}: CPU per request, to plain HAProxy`, value: ratio, unit: "", ...target });
  }
}

async function comparePeers(cost: Map<string, number[]>, rate: Map<string, number[]>): Promise<void> {
  await using one = await startProxy(1);
  await using thousand = await startProxy(many);
  await using untried = await startProxy(many, { RETRY_ON: "conn-failure" });
  const last = `/service-${String(many - 1).padStart(4, "0")}`;
  const peers: (Peer & { readonly scene: ProxyScene })[] = [
    { scene: one, ...(await startHaproxy(one)) },
    ours(one, "skep-proxy, 1 service", "/service-0000"),
    ours(thousand, "skep-proxy, 1,000 services, the last", last),
    ours(untried, "skep-proxy, 1,000 services, no copy for another try", last),
    { scene: one, ...(await startNginx(one)) },
    { scene: one, ...(await startCaddy(one)) },
  ];
  await sleep(2000);
  for (const { name } of peers) for (const figures of [cost, rate]) if (!figures.has(name)) figures.set(name, []);
  for (let round = 0; round < rounds; round++) {
    for (const { scene, name, port, path, pids } of round % 2 === 0 ? peers : peers.toReversed()) {
      const before = await cpuOf(pids);
      const { stdout } = await scene.run("wrk", "-t1", "-c64", "-d2s", `http://127.0.0.1:${port}${path}`);
      if (/Socket errors|Non-2xx/.test(stdout)) throw new Error(`${name}: ${stdout}`);
      const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
      cost.get(name)?.push((1000 * ((await cpuOf(pids)) - before)) / requests);
      rate.get(name)?.push(Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]));
    }
  }
}

async function cpuOf(pids: () => Promise<number[]>): Promise<number> {
  return (await pids()).reduce((sum, pid) => sum + cpuMs(pid), 0);
}

const ours = (scene: ProxyScene, name: string, path: string) => ({
  ...{ scene, name, port: 80, path },
  pids: () => scene.haproxyPids(),
});

async function startHaproxy(scene: ProxyScene): Promise<Peer> {
  const config = `global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 20s\n  timeout server 20s
frontend f\n  bind 127.0.0.1:7001\n  use_backend b if { path_beg /service }\nbackend b\n  server s 127.0.0.1:9100\n`;
  await writeFile(scene.file("plain.cfg"), config);
  const { pid = 0 } = scene.spawn(["haproxy", "-db", "-f", scene.file("plain.cfg")]);
  return { name: "plain HAProxy", port: 7001, path: "/service", pids: async () => [pid] };
}

async function startNginx(scene: ProxyScene): Promise<Peer> {
  const config = `user root; worker_processes 1; master_process off; daemon off; pid ${scene.file("peer.pid")}; error_log /dev/null;
    events { worker_connections 4096; }
    http { access_log off; keepalive_requests 1000000; upstream u { server 127.0.0.1:9100; keepalive 64; }
      server { listen 7002; location /service { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://u; } } }`;
  await writeFile(scene.file("peer.conf"), config);
  const { pid = 0 } = scene.spawn(["nginx", "-e", "/dev/null", "-c", scene.file("peer.conf")]);
  return { name: "nginx", port: 7002, path: "/service", pids: async () => [pid] };
}

async function startCaddy(scene: ProxyScene): Promise<Peer> {
  await writeFile(
    scene.file("Caddyfile"),
    "{\n admin off\n auto_https off\n}\n:7003 {\n reverse_proxy /service* 127.0.0.1:9100\n}\n",
  );
  const env = { HOME: scene.folder, GOMAXPROCS: "1", PATH: process.env.PATH ?? "" };
  const { pid = 0 } = scene.spawn(["caddy", "run", "--config", scene.file("Caddyfile"), "--adapter", "caddyfile"], env);
  return { name: "Caddy", port: 7003, path: "/service", pids: async () => [pid] };
}

async function measureChanges(): Promise<void> {
  await using proxy = await startProxy(many);
  await sleep(20_000); // it tidies up after its start
  const idle = cpuMs(proxy.pid);
  await sleep(60_000);
  const share = (100 * (cpuMs(proxy.pid) - idle)) / 60_000;
  report({ bench, metric: "controller, 1,000 services, idle: CPU", value: share, unit: "%", target: "<= 0.5 %" });
  const reportMemory = async (metric: string) => {
    const status = await readFile(`/proc/${proxy.pid}/status`, "utf8");
    const rss = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    report({ bench, metric, value: rss, unit: "MB", target: "<= 100 MB" });
  };
  await reportMemory("controller, 1,000 services: memory");
  const took: number[] = [];
  for (let i = 0; i < 200; i++) {
    const since = performance.now();
    await change(proxy, i);
    took.push(performance.now() - since);
  }
  report({ bench, metric: "route live, 1,000 services: p50", value: median(took), unit: "ms" });
  report({
    bench,
    metric: "route live, 1,000 services: p99",
    value: percentile(took, 99),
    unit: "ms",
    target: "<= 250 ms",
  });
  const since = performance.now();
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      await sleep(i * 5);
      await change(proxy, 1000 + i);
    }),
  );
  const burst = performance.now() - since;
  report({
    bench,
    metric: "200 changes within a second, 1,000 services: all live after",
    value: burst / 1000,
    unit: "s",
    target: "<= 2 s",
  });
  await sleep(5000);
  await reportMemory("controller, 1,400 services after 400 changes: memory");
}

/** Through a socket of the namespace's: a process for each would be most of what is measured. */
async function change(proxy: ProxyScene, i: number, port = 9100): Promise<void> {
  const query = `serviceName=new-${i}&servicePath=/new-${i}&port=${port}&outboundHostname=127.0.0.1&timeoutServer=${20 + (i % 10)}`;
  const status = await proxy.fetch(`/v1/docker-flow-proxy/reconfigure?${query}`);
  if (status !== 200) throw new Error(`reconfigure: ${status}`);
}

async function measureLoad(): Promise<void> {
  await using proxy = await startProxy(100, { EXTRA_GLOBAL: "" });
  await change(proxy, 0, 9001);
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
  const load = proxy.spawn([...node, file("../e2e/load.ts"), "127.0.0.1", "80", "1000", "/service-0000", "2"]);
  const sockets = proxy.spawn([...node, file("./websockets.ts"), "127.0.0.1", "80", "500", "/new-0"]);
  const results = Promise.all([load, sockets].map(outputOf));
  await sleep(2000);
  const since = performance.now();
  for (let i = 1; i <= 200; i++) {
    await change(proxy, i % 20);
    await sleep(Math.max(0, since + i * 300 - performance.now()));
  }
  const workers = (await proxy.haproxyPids()).length - 1;
  const memory = await Promise.all((await proxy.haproxyPids()).map(memoryOf));
  for (const each of [load, sockets]) each.stdin?.end();
  const [requests, connections] = (await results).map((text) => JSON.parse(text));
  const failed = Object.values(requests.failures as Record<string, { count: number }>).reduce(
    (sum, { count }) => sum + count,
    0,
  );
  const under = "200 changes in 60 s under load";
  report({ bench, metric: `${under}: requests`, value: requests.done, unit: "" });
  report({ bench, metric: `${under}: failed requests`, value: failed, unit: "", target: "0" });
  report({ bench, metric: `${under}: websockets cut, of 500`, value: connections.lost, unit: "", target: "0" });
  report({ bench, metric: `${under}: workers at the end`, value: workers, unit: "" });
  report({
    bench,
    metric: `${under}: memory of all workers`,
    value: memory.reduce((sum, each) => sum + each, 0),
    unit: "MB",
  });
}

/** Its share of what it has in common with others, MB. */
async function memoryOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]) / 1024;
}

async function outputOf(child: ReturnType<typeof spawn>): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout ?? []) text += chunk;
  return text;
}
