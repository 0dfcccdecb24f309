// What the façade costs in front of the engine: `node bench/facade.bench.ts`, with `--docker` also `docker save | docker
// load` of 1 GB through it, against a dockerd of its own (root; about a minute and a half more).
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClusterEventLog, createApiServer, type SwarmNode } from "@skep/api";
import { silentLogger, systemClock } from "@skep/model";
import { PrivateEngine, privateEngineProblem } from "@skep/testkit";
import { percentile, report } from "./report.ts";

const bench = "facade";
const pairs = 3_000;
const bodyBytes = 1 << 30;
const rounds = 3;

const [role, apiSocket = "", engineSocket = ""] = process.argv.slice(2);

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "skep-bench-"));
  const api = join(folder, "api.sock");
  const engine = join(folder, "engine.sock");
  const children = [await start("engine", api, engine), await start("facade", api, engine)];
  try {
    await measureLatency(engine, api);
    await measureBody("answer's body", (socket) => download(socket), engine, api);
    await measureBody("request's body", (socket) => upload(socket), engine, api);
  } finally {
    for (const child of children) child.kill();
    await rm(folder, { recursive: true });
  }
  if (process.argv.includes("--docker")) await measureDocker();
}

/** Interleaved, so that whatever else the machine does hits both alike. */
async function measureLatency(engine: string, api: string): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const samples = { engine: [] as number[], api: [] as number[] };
  for (let i = -200; i < pairs; i++) {
    const direct = await timed(() => get(engine, agent));
    const through = await timed(() => get(api, agent));
    if (i >= 0) {
      samples.engine.push(direct);
      samples.api.push(through);
    }
  }
  agent.destroy();
  for (const p of [50, 99]) {
    const direct = percentile(samples.engine, p);
    const through = percentile(samples.api, p);
    report({ bench, metric: `GET /containers/json p${p}, direct`, value: direct, unit: "ms" });
    const added = { bench, metric: `GET /containers/json p${p}, added`, value: through - direct, unit: "ms" };
    report(p === 50 ? { ...added, target: "< 1 ms" } : added);
  }
}

async function measureBody(what: string, move: (socket: string) => Promise<void>, engine: string, api: string) {
  const direct: number[] = [];
  const through: number[] = [];
  for (let round = 0; round < rounds; round++) {
    direct.push(await timed(() => move(engine)));
    through.push(await timed(() => move(api)));
  }
  const mbPerS = (ms: number) => bodyBytes / 1e6 / (ms / 1e3);
  const ratio = percentile(direct, 50) / percentile(through, 50);
  report({
    bench,
    metric: `1 GiB ${what}, no engine work: direct`,
    value: mbPerS(percentile(direct, 50)),
    unit: "MB/s",
  });
  report({ bench, metric: `1 GiB ${what}: through`, value: mbPerS(percentile(through, 50)), unit: "MB/s" });
  report({ bench, metric: `1 GiB ${what}: through / direct`, value: ratio, unit: "" });
}

async function measureDocker(): Promise<void> {
  const problem = privateEngineProblem();
  if (problem) throw new Error(problem);
  await using engine = await PrivateEngine.start();
  const folder = await mkdtemp(join(tmpdir(), "skep-bench-"));
  const api = join(folder, "api.sock");
  const facade = await start("facade", api, engine.socketPath);
  try {
    await importGigabyte(engine.socketPath, join(folder, "data"));
    await saveAndLoad(engine.socketPath); // once for the page cache
    const direct: number[] = [];
    const through: number[] = [];
    for (let round = 0; round < rounds; round++) {
      direct.push(await timed(() => saveAndLoad(engine.socketPath)));
      through.push(await timed(() => saveAndLoad(api)));
    }
    const [alone, ours] = [percentile(direct, 50), percentile(through, 50)];
    report({ bench, metric: "docker save | docker load of 1 GB, direct", value: alone / 1e3, unit: "s" });
    report({ bench, metric: "docker save | docker load of 1 GB, through", value: ours / 1e3, unit: "s" });
    report({ bench, metric: "docker save | load: through / direct", value: alone / ours, unit: "", target: ">= 0.9" });
  } finally {
    facade.kill();
    await rm(folder, { recursive: true });
  }
}

async function importGigabyte(socket: string, folder: string): Promise<void> {
  const script = `mkdir "$1" && head -c 1000000000 /dev/urandom >"$1/blob" && tar -C "$1" -c . | docker -H "unix://$2" import - big`;
  await shell(script, folder, socket);
}

const saveAndLoad = (socket: string) => shell('docker -H "unix://$1" save big | docker -H "unix://$1" load', socket);

async function shell(script: string, ...args: string[]): Promise<void> {
  const child = spawn("sh", ["-ec", script, "sh", ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`exit ${code}: ${script}`);
}

async function timed(action: () => Promise<void>): Promise<number> {
  const start = process.hrtime.bigint();
  await action();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

async function get(socketPath: string, agent: Agent): Promise<void> {
  const outgoing = httpRequest({ socketPath, agent, path: "/v1.41/containers/json" }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
}

async function download(socketPath: string): Promise<void> {
  const outgoing = httpRequest({ socketPath, agent: false, path: "/v1.41/images/x/get" }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let bytes = 0;
  await pipeline(
    response,
    counting((length) => (bytes += length)),
  );
  if (bytes !== bodyBytes) throw new Error(`${bytes} bytes came through`);
}

async function upload(socketPath: string): Promise<void> {
  const outgoing = httpRequest({ socketPath, agent: false, path: "/v1.41/images/load", method: "POST" });
  const answered = once(outgoing, "response");
  await pipeline(body(), outgoing);
  const [response] = (await answered) as [IncomingMessage];
  const text = (await Array.fromAsync(response)).join("");
  if (text !== String(bodyBytes)) throw new Error(`${text} bytes came through`);
}

const counting = (count: (length: number) => void) =>
  new Writable({
    write(chunk, _, done) {
      count(chunk.length);
      done();
    },
  });

/** Chunks of 32 KiB, as Go copies. */
const body = () =>
  Readable.from(
    (function* () {
      const chunk = Buffer.alloc(1 << 15, "x");
      for (let sent = 0; sent < bodyBytes; sent += chunk.length) yield chunk;
    })(),
    { objectMode: false, highWaterMark: 1 << 18 },
  );

async function start(role: string, api: string, engine: string): Promise<ChildProcess> {
  const child = fork(import.meta.filename, [role, api, engine]);
  await once(child, "message");
  return child;
}

const containers = JSON.stringify(
  Array.from({ length: 5 }, (_, i) => ({
    Id: String(i).repeat(64),
    Names: [`/web.${i}`],
    Labels: { "com.docker.swarm.task.id": `${i}` },
  })),
);

/** An engine that costs nothing: all that is measured is moving the bytes. */
function serveEngine(socketPath: string): void {
  const server = createServer(async (request, response) => {
    if (request.url === "/version") response.end('{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}');
    else if (request.url?.endsWith("/get")) await pipeline(body(), response);
    else if (request.url?.endsWith("/load")) {
      let bytes = 0;
      await pipeline(
        request,
        counting((length) => (bytes += length)),
      );
      response.end(String(bytes));
    } else response.end(containers);
  });
  server.listen(socketPath, () => process.send?.("ready"));
}

async function serveFacade(): Promise<void> {
  const refuse = () => Promise.reject(new Error("not part of this benchmark"));
  const swarm: SwarmNode = {
    status: () => ({ state: "inactive" }),
    manager: () => undefined,
    networks: () => undefined,
    init: refuse,
    join: refuse,
    leave: refuse,
  };
  const [clock, logger] = [systemClock, silentLogger];
  const server = createApiServer({
    engine: engineSocket,
    swarm,
    routes: [],
    events: new ClusterEventLog(clock, logger),
    clock,
    logger,
  });
  await server.listen({ socketPath: apiSocket });
  process.send?.("ready");
}

if (role === "engine") serveEngine(engineSocket);
else if (role === "facade") await serveFacade();
else await measure();
