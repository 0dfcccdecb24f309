import { execFile, execFileSync } from "node:child_process";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type DnsServer, type NameTarget, startDnsServer, type Zone } from "@skep/network";
import { percentile, report } from "./report.ts";

// Names asked for inside a container by another process; the resolver's thread and the asker share this machine's
// processors, so the rates are those of both together. The main thread does nothing, as in a quiet skepd: its event
// loop's delay shows whether it would have been kept from its other work.

interface Load {
  readonly perSecond: number;
  readonly lost: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
}

const run = promisify(execFile);
const namespace = `skepbench-dns-${process.pid}`;
const seconds = 2;

const addresses = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}.${i + 1}`);

const zone = (services: number): Zone => ({
  networkId: "n1",
  name: "front",
  names: new Map(
    Array.from({ length: services }, (_, i): [string, NameTarget][] => [
      [`s${i}`, { addresses: addresses(1, `10.${i >> 8}.${i & 255}`), ttlSeconds: 600 }],
      [`tasks.s${i}`, { addresses: addresses(5, `10.${128 + (i >> 8)}.${i & 255}`), ttlSeconds: 5 }],
    ]).flat(),
  ),
  reverse: new Map(),
});

async function load(port: number, name: string, outstanding: number, rate: number): Promise<Load> {
  const script = fileURLToPath(new URL("./dns-load.ts", import.meta.url));
  const args = [process.execPath, script, port, name, seconds, outstanding, rate].map(String);
  const { stdout } = await run("nsenter", [`--net=/run/netns/${namespace}`, ...args]);
  return JSON.parse(stdout) as Load;
}

/** What the loop's delay is made of when nobody asks anything. */
async function reportIdleDelay(): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(seconds * 1000);
  delay.disable();
  report({
    bench: "dns",
    metric: "nobody asks: main thread's event loop late, p99",
    value: delay.percentile(99) / 1e6 - 1,
    unit: "ms",
  });
}

async function measure(dns: DnsServer): Promise<void> {
  await dns.putZone(zone(1000));
  const { udp } = await dns.open({
    containerId: "c1",
    namespace: `/run/netns/${namespace}`,
    networks: ["n1"],
    servers: [],
    forwards: false,
  });
  await load(udp, "s500", 32, 0); // until the code is compiled
  await reportIdleDelay();
  for (const [what, name] of [
    ["a VIP", "s500"],
    ["five tasks", "tasks.s500"],
    ["a VIP by network", "s500.front"],
  ] as const) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const before = process.cpuUsage();
    const rounds: Load[] = [];
    for (let round = 0; round < 3; round++) rounds.push(await load(udp, name, 64, 0));
    const used = process.cpuUsage(before);
    delay.disable();
    const answered = rounds.reduce((sum, { perSecond }) => sum + perSecond * seconds, 0);
    const median = (of: (load: Load) => number) => percentile(rounds.map(of), 50);
    const figure = (metric: string, value: number, unit: string, target?: string) =>
      report({ bench: "dns", metric: `${what}: ${metric}`, value, unit, ...(target && { target }) });
    figure(
      "queries, 64 at a time",
      median((of) => of.perSecond),
      "/s",
      ">= 20000 /s",
    );
    figure(
      "answered in, p50",
      median((of) => of.p50Ms),
      "ms",
    );
    figure(
      "answered in, p99",
      median((of) => of.p99Ms),
      "ms",
    );
    figure("processor time of skepd per query", (used.user + used.system) / answered, "µs");
    figure("main thread's event loop late, p99", delay.percentile(99) / 1e6 - 1, "ms");
  }
  const steady = await load(udp, "s500", 0, 5000);
  report({ bench: "dns", metric: "5,000 queries/s: answered in, p50", value: steady.p50Ms, unit: "ms" });
  report({ bench: "dns", metric: "5,000 queries/s: answered in, p99", value: steady.p99Ms, unit: "ms" });
}

async function main(): Promise<void> {
  execFileSync("ip", ["netns", "add", namespace]);
  try {
    execFileSync("ip", ["-n", namespace, "link", "set", "lo", "up"]);
    await using dns = await startDnsServer();
    await measure(dns);
  } finally {
    execFileSync("ip", ["netns", "del", namespace]);
  }
}

await main();
