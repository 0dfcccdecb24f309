import { readFileSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "@skep/testkit";
import { percentile, report } from "./report.ts";

// Three nodes on this machine, image present: how long until containers run, beside what the engines need for as many
// bare containers; what an idle daemon costs. Needs root.

const bench = "cluster";
const rounds = 5;
const image = "alpine:latest";
const started = performance.now();
await using cluster = await Cluster.create({ nodes: 3 });
report({ bench, metric: "three nodes up", value: (performance.now() - started) / 1000, unit: "s", target: "< 10 s" });
await cluster.importTestImage(image);
await cluster.formSwarm();
const skep = cluster.machine("node-1").paths.skepSocket;
const engines = cluster.machines.map(({ paths }) => paths.engineSocket);

interface Task {
  readonly Status: { readonly State: string };
}

async function call<T>(socketPath: string, method: string, path: string, body?: unknown): Promise<T> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      ...(payload && { "content-length": Buffer.byteLength(payload) }),
    };
    const call = request({ socketPath, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${text}`));
        else resolve(text.trim() === "" ? (undefined as T) : JSON.parse(text));
      });
    });
    call.on("error", reject);
    call.end(payload);
  });
}

const spec = (Name: string, Replicas: number) => ({
  Name,
  TaskTemplate: { ContainerSpec: { Image: image, Args: ["sleep", "100000"], StopGracePeriod: 1 } },
  Mode: { Replicated: { Replicas } },
});

async function untilRunning(service: string, count: number): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ service: [service], "desired-state": ["running"] }));
  for (;;) {
    const tasks = await call<readonly Task[]>(skep, "GET", `/tasks?filters=${filters}`);
    if (tasks.filter(({ Status }) => Status.State === "running").length >= count) return;
    await sleep(10);
  }
}

async function remove(service: string): Promise<void> {
  await call(skep, "DELETE", `/services/${service}`);
  const filters = encodeURIComponent(JSON.stringify({ label: ["com.docker.swarm.task"] }));
  for (const engine of engines) {
    while ((await call<unknown[]>(engine, "GET", `/containers/json?all=1&filters=${filters}`)).length > 0)
      await sleep(50);
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** Bare containers, 9 on each engine at a time, as the engines alone would start them. */
async function bareContainers(perEngine: number): Promise<void> {
  await Promise.all(
    engines.flatMap((engine) =>
      Array.from({ length: perEngine }, async () => {
        const config = { Image: image, Cmd: ["sleep", "100000"], Labels: { bench: "bare" } };
        const { Id } = await call<{ Id: string }>(engine, "POST", "/containers/create", config);
        await call(engine, "POST", `/containers/${Id}/start`);
      }),
    ),
  );
}

async function removeBare(): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: ["bench=bare"] }));
  for (const engine of engines) {
    const found = await call<{ Id: string }[]>(engine, "GET", `/containers/json?all=1&filters=${filters}`);
    await Promise.all(found.map(({ Id }) => call(engine, "DELETE", `/containers/${Id}?force=1`)));
  }
}

// Idle first: nothing has run yet but three sessions.
await sleep(3000);
const before = cluster.names.map((node) => cpuSeconds(cluster.pid(node)));
const idleSeconds = 10;
await sleep(idleSeconds * 1000);
for (const [index, node] of cluster.names.entries()) {
  const role = index === 0 ? "manager" : "worker";
  const busy = cpuSeconds(cluster.pid(node)) - (before[index] ?? 0);
  report({
    bench,
    metric: `idle ${role} (${node}): CPU`,
    value: (100 * busy) / idleSeconds,
    unit: "% of a core",
    target: "<= 1 %",
  });
  const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${cluster.pid(node)}/status`, "utf8"))?.[1]) / 1024;
  const target = role === "manager" ? "<= 160 MB" : "<= 120 MB";
  report({ bench, metric: `idle ${role} (${node}): RSS`, value: rss, unit: "MB", target });
}

const creations: number[] = [];
const scalings: number[] = [];
const bares: number[] = [];
for (let round = 0; round < rounds; round++) {
  const name = `bench-${round}`;
  creations.push(
    await timed(async () => {
      await call(skep, "POST", "/services/create", spec(name, 3));
      await untilRunning(name, 3);
    }),
  );
  const { Version } = await call<{ Version: { Index: number } }>(skep, "GET", `/services/${name}`);
  scalings.push(
    await timed(async () => {
      await call(skep, "POST", `/services/${name}/update?version=${Version.Index}`, spec(name, 30));
      await untilRunning(name, 30);
    }),
  );
  await remove(name);
  bares.push(await timed(() => bareContainers(9)));
  await removeBare();
}
const median = (samples: readonly number[]) => percentile(samples, 50);
report({ bench, metric: "service create to 3 tasks running", value: median(creations), unit: "s", target: "<= 0.8 s" });
report({ bench, metric: "scale 3 to 30 to all running", value: median(scalings), unit: "s", target: "<= 7 s" });
report({ bench, metric: "27 bare containers on the same engines", value: median(bares), unit: "s" });
const share = scalings.map((seconds, index) => 100 * (1 - (bares[index] ?? 0) / seconds));
report({ bench, metric: "skep's share of the scaling", value: median(share), unit: "%" });

/** User and system time of a process so far. */
function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
