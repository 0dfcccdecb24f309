import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger, systemClock } from "@skep/model";
import { PrivateEngine, privateEngineProblem, type RunCommandOptions, runCommand } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiServer, createApiServer } from "../src/api-server.ts";
import { ClusterEventLog } from "../src/cluster-event-log.ts";
import type { SwarmNode } from "../src/swarm-node.ts";
import { readAll } from "./facade.ts";

const refuse = () => Promise.reject(new Error("not part of this test"));
const notInSwarm: SwarmNode = {
  status: () => ({ state: "inactive" }),
  manager: () => undefined,
  networks: () => undefined,
  init: refuse,
  join: refuse,
  leave: refuse,
};

/** 20.10 and 28, where this machine has both. */
const clis = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));
const problem = privateEngineProblem() ?? (clis.length > 0 ? undefined : "needs a docker CLI");

describe.skipIf(problem)(`the docker CLI through the façade${problem ? ` (skipped: ${problem})` : ""}`, () => {
  let engine: PrivateEngine;
  let api: ApiServer;
  let folder: string;
  let socketPath: string;
  const image = "busybox:test";

  beforeAll(async () => {
    engine = await PrivateEngine.start();
    await engine.importBusybox(image);
    folder = await mkdtemp(join(tmpdir(), "skep-facade-"));
    socketPath = join(folder, "api.sock");
    const [clock, logger] = [systemClock, silentLogger];
    const events = new ClusterEventLog(clock, logger);
    api = createApiServer({ engine: engine.socketPath, swarm: notInSwarm, routes: [], events, clock, logger });
    await api.listen({ socketPath });
  }, 60_000);

  afterAll(async () => {
    await api?.close();
    await engine?.stop();
    if (folder) await rm(folder, { recursive: true });
  }, 60_000);

  const env = () => ({ ...process.env, DOCKER_HOST: `unix://${socketPath}`, DOCKER_BUILDKIT: "0" });

  /** Runs a shell script in which `docker` is the CLI under test, speaking to the façade. */
  const shell = (cli: string, script: string, options: RunCommandOptions = {}) =>
    runCommand(["sh", "-c", `docker() { ${cli} "$@"; }; ${script}`], {
      env: env(),
      ...options,
    });

  describe.each(clis)("%s", (cli) => {
    test("runs commands in a container, with their input, both outputs and exit code", async () => {
      const script = `id=$(docker run -d ${image} sleep 600); docker exec -i $id sh -c 'cat; echo oops >&2; exit 7'; code=$?; docker rm -f $id >/dev/null; exit $code`;
      expect(await shell(cli, script, { input: "hello\n" })).toEqual({ stdout: "hello\n", stderr: "oops\n", code: 7 });
    });

    test("attaches to a container's input and output", async () => {
      const input = "line\n".repeat(50_000);
      const { stdout, code } = await shell(cli, `docker run --rm -i ${image} md5sum`, { input });
      const local = await runCommand(["md5sum"], { input });
      expect([stdout, code]).toEqual([local.stdout, 0]);
    });

    test("gives a terminal its size, and changes it with the window", async () => {
      const wait = 'i=0; until [ "$(stty size)" = "44 99" ] || [ $i = 100 ]; do sleep 0.1; i=$((i+1)); done; stty size';
      const terminal = `stty rows 33 cols 77; T=$(tty); (sleep 1; stty -F $T rows 44 cols 99) & ${cli} run --rm -it ${image} sh -c "$WAIT"`;
      const script = 'script -qec "$TERMINAL" /dev/null';
      const { stdout } = await shell(cli, script, {
        env: { ...env(), WAIT: wait, TERMINAL: terminal, SHELL: "/bin/sh" },
      });
      expect(stdout).toContain("44 99");
    });

    test("follows logs until the container ends", async () => {
      const lines = "for i in 1 2 3; do echo line $i; sleep 0.2; done";
      const script = `id=$(docker run -d ${image} sh -c '${lines}'); docker logs -f $id; docker rm $id >/dev/null`;
      expect(await shell(cli, script)).toMatchObject({ stdout: "line 1\nline 2\nline 3\n", code: 0 });
    });

    test("shows the engine's events", async () => {
      const bounds = `--since $since --until $(date +%s.%N)`;
      const format = `--format '{{.Type}} {{.Action}}'`;
      const script = `since=$(date +%s.%N); docker run --rm ${image} true; docker events ${bounds} --filter type=container ${format}`;
      expect((await shell(cli, script)).stdout.split("\n")).toEqual(
        expect.arrayContaining(["container create", "container start", "container die"]),
      );
    });

    test("builds an image from a context of some size, and tells what is wrong with another", async () => {
      const context = await mkdtemp(join(folder, "context-"));
      await writeFile(join(context, "blob"), Buffer.alloc(20_000_000, "x"));
      await writeFile(
        join(context, "Dockerfile"),
        `FROM ${image}\nCOPY blob /blob\nRUN wc -c </blob >/size\nCMD cat /size\n`,
      );
      const built = await shell(cli, `docker build -q -t built ${context} >/dev/null 2>&1; docker run --rm built`);
      expect(built.stdout).toBe("20000000\n");
      await writeFile(join(context, "Dockerfile"), "NOPE\n");
      expect((await shell(cli, `docker build ${context}`)).stderr).toContain("unknown instruction: NOPE");
    });

    test("saves and loads images, whole", async () => {
      const direct = await runCommand(["sh", "-c", `${cli} -H unix://${engine.socketPath} save ${image} | md5sum`]);
      expect((await shell(cli, `docker save ${image} | md5sum`)).stdout).toBe(direct.stdout);
      expect((await shell(cli, `docker save ${image} | docker load`)).stdout).toContain(`Loaded image: ${image}`);
      expect((await shell(cli, "echo garbage | docker load")).code).not.toBe(0);
    });

    test("copies files into a container and out of it", async () => {
      const file = join(folder, "file");
      await writeFile(file, "data\n");
      const script = `id=$(docker create ${image}); docker cp ${file} $id:/tmp/file && docker cp $id:/tmp/file - | tar -xO; docker rm $id >/dev/null`;
      expect((await shell(cli, script)).stdout).toBe("data\n");
    });
  });

  test("serves a client that attaches without asking for an upgrade", async () => {
    const body = JSON.stringify({ Image: image, Cmd: ["cat"], OpenStdin: true, StdinOnce: true, AttachStdin: true });
    const { Id } = JSON.parse(await call("POST", "/containers/create", body));
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    socket.write(`POST /v1.41/containers/${Id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n`);
    await call("POST", `/containers/${Id}/start`);
    socket.end("GET /swarm HTTP/1.1\r\n\r\n");
    const text = (await readAll(socket)).toString("latin1");
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type: application\/vnd.docker.raw-stream\r\n\r\n/);
    expect(text).toContain("GET /swarm HTTP/1.1\r\n\r\n");
    await call("DELETE", `/containers/${Id}?force=1`);
  });

  function call(method: string, path: string, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "Content-Type": "application/json" };
      const outgoing = httpRequest(
        { socketPath, agent: false, method, path: `/v1.41${path}`, headers },
        async (response) => resolve(Buffer.concat(await Array.fromAsync<Buffer>(response)).toString()),
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }
});
