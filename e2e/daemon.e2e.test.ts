import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { enterCommand, initPid, requestOver } from "@skep/machine";
import { Cluster, runCommand } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Certificates } from "./certificates.ts";
import { eventually } from "./cluster-helpers.ts";
import { malformedRequests } from "./malformed-requests.ts";
import { clusterProblem, Operator, polite, quick, sleeper, type TaskContainer } from "./operator.ts";

const skepd = fileURLToPath(new URL("../bin/skepd", import.meta.url));
const clis = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));

const inPath = (program: string) =>
  (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));

const identities = (containers: readonly TaskContainer[]) =>
  containers.map(({ node, id, startedAt }) => `${node} ${id} ${startedAt}`).toSorted();

describe.skipIf(clusterProblem())(`the daemon of a node ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  /** The manager's data root is a file system of its own, of 8 MiB. */
  let dataRoot: string;

  beforeAll(async () => {
    cluster = await Cluster.create({ nodes: 2 });
    await cluster.importTestImage();
    swarm = new Operator(cluster);
    dataRoot = cluster.machine("node-1").paths.dataRoot;
    await cluster.killSkepd("node-1");
    await cluster.exec("node-1", "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dataRoot);
    await cluster.startSkepd("node-1");
    await cluster.formSwarm();
  });

  afterEach(() => swarm.clear());

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  const untilReady = () =>
    eventually(async () => expect((await swarm.docker("node", "ls")).match(/Ready/g)).toHaveLength(2), 30_000);

  async function stopSkepd(node: string): Promise<void> {
    const pid = cluster.pid(node);
    if (pid !== undefined) process.kill(pid, "SIGTERM");
    await eventually(() => expect(cluster.pid(node)).toBeUndefined());
  }

  describe("with a full disk", () => {
    const fill = () => cluster.exec("node-1", "sh", "-c", `cat /dev/zero >${dataRoot}/ballast`);
    const makeRoom = () => cluster.exec("node-1", "rm", "-f", `${dataRoot}/ballast`);
    const noSpace =
      /^Error response from daemon: no space left to write to the store .*nothing was changed; free some space/;

    /** SQLite may have a page left in what it has of the disk. */
    const untilRefused = () =>
      eventually(async () => {
        const { code, stderr } = await swarm.attempt("node-1", "service", "update", "-d", "--force", "steady");
        expect(`${code} ${stderr}`).toMatch(/^1 Error/);
        return stderr;
      });

    test("a manager refuses changes with the reason, touches no task, and catches up with room again", async () => {
      await swarm.start("steady", 2);
      await swarm.start("victim", 2, ["--restart-delay", "100ms"]);
      await fill();
      const [refusal, before] = [await untilRefused(), identities(await swarm.running("steady"))];
      expect(refusal).toMatch(noSpace);
      expect(await swarm.refusal("service", "create", ...quick, "--name", "late", ...sleeper)).toMatch(noSpace);
      expect(await swarm.refusal("node", "update", "--availability", "drain", "node-2")).toMatch(noSpace);
      expect(await swarm.docker("service", "ls", "--format", "{{.Name}}")).toBe("steady\nvictim\n");
      const [victim] = await swarm.running("victim");
      await cluster.engine(victim?.node ?? "", "kill", victim?.id ?? "");
      await sleep(5000); // longer than three heartbeats
      expect(identities(await swarm.running("steady"))).toEqual(before);

      await makeRoom();
      await eventually(async () => {
        const ended = (await swarm.tasks("victim")).find(({ ID }) => ID === victim?.taskId);
        expect(ended?.Status).toMatchObject({ State: "failed", Err: "task: non-zero exit (137)" });
      });
      await swarm.untilRunning("victim", 2);
      await swarm.start("late", 2);
      expect(await swarm.docker("node", "ls")).not.toMatch(/Down|Drain/);
      expect(identities(await swarm.running("steady"))).toEqual(before);
    });

    test("a restarted manager says what it lacks, and takes over when it has it, without another restart", async () => {
      await swarm.start("steady", 2);
      const before = identities(await swarm.running("steady"));
      await fill();
      await untilRefused();
      await stopSkepd("node-1");
      await fill();
      await cluster.startSkepd("node-1");
      expect(await swarm.docker("info", "--format", "{{.Swarm.LocalNodeState}} {{.Swarm.Error}}")).toMatch(
        /^error no space left to write to the store/,
      );
      expect(await swarm.refusal("service", "ls")).toMatch(/Manager is being prepared or has trouble connecting/);
      expect(await swarm.docker("ps", "-q")).toMatch(/^[0-9a-f]{12}\n$/);
      await makeRoom();
      await untilReady();
      await swarm.untilRunning("steady", 2);
      expect(identities(await swarm.running("steady"))).toEqual(before);
    });
  });

  test("it ends at SIGTERM and comes back with its state, its containers running on", async () => {
    await swarm.start("steady", 4, [], polite);
    const state = async () => ({
      containers: identities(await swarm.running("steady")),
      nodes: await swarm.docker("node", "ls"),
      token: await swarm.docker("swarm", "join-token", "-q", "worker"),
      service: await swarm.inspect("steady"),
      cluster: await swarm.api<{ ID: string }>("/v1.41/swarm"),
    });
    const before = await state();
    await stopSkepd("node-1");
    await stopSkepd("node-2");
    await cluster.startSkepd("node-2");
    await cluster.startSkepd("node-1");
    await untilReady();
    await swarm.untilRunning("steady", 4);
    expect(await state()).toEqual(before);
  });

  describe.each(clis)("with the CLI %s", (cli) => {
    test("its socket carries exec, attach and logs of the node's own tasks", async () => {
      const ticker = 'trap "echo tick" USR1; echo ready; while :; do sleep 0.1; done';
      await swarm.start("talk", 2, [], ["alpine:latest", "sh", "-c", ticker]);
      const [container] = (await swarm.running("talk")).filter(({ node }) => node === "node-1");
      const id = container?.id ?? "";
      const docker = (options: { input?: string }, ...args: readonly string[]) =>
        cluster.dockerWith({ cli, ...options }, "node-1", ...args);
      expect(await docker({ input: "hello" }, "exec", "-i", id, "sh", "-c", "cat; echo oops >&2; exit 5")).toEqual({
        stdout: "hello",
        stderr: "oops\n",
        code: 5,
      });
      const { paths } = cluster.machine("node-1");
      const terminal = await runCommand(
        [
          "script",
          "-qec",
          `stty rows 31 cols 97; ${cli} exec -it ${id} sh -c 'tty; until stty size 2>&1 | grep "^31 97"; do sleep 0.1; done'`,
          "/dev/null",
        ],
        { env: { ...process.env, DOCKER_HOST: `unix://${paths.skepSocket}`, TERM: "xterm" } },
      );
      expect(terminal.stdout).toMatch(/\/dev\/pts\/0\r\n(\^@)?31 97\r\n/);
      const following = docker({}, "logs", "-f", id);
      const attached = docker({}, "attach", id);
      for (const _ of Array(5)) {
        await sleep(300);
        await docker({}, "kill", "-s", "USR1", id);
      }
      await sleep(300);
      await docker({}, "kill", id);
      expect(await following).toMatchObject({ stdout: expect.stringMatching(/^ready\n(tick\n)+$/), code: 0 });
      expect(await attached).toMatchObject({ stdout: expect.stringMatching(/^(tick\n)+$/), code: 137 });
    });
  });

  const noOpenssl = inPath("openssl") ? "" : " (skipped: needs openssl)";
  test.skipIf(noOpenssl)(
    `over TLS it lets in who has a certificate of its authority, and nobody else${noOpenssl}`,
    async () => {
      using certificates = new Certificates();
      const { address, paths } = cluster.machine("node-2");
      for (const ca of ["ca", "other-ca"]) await certificates.authority(ca);
      await certificates.issue("server", "ca", `subjectAltName=IP:${address}`);
      await certificates.issue("client", "ca", "extendedKeyUsage=clientAuth");
      await certificates.issue("stranger", "other-ca", "extendedKeyUsage=clientAuth");
      const pem = (name: string) => certificates.path(`${name}.pem`);
      const identity = (name: string) => ["--tlscert", pem(name), "--tlskey", certificates.path(`${name}-key.pem`)];

      await stopSkepd("node-2");
      const flags = [
        ...["--data-root", paths.dataRoot, "--engine", "/run/docker.sock", "--pidfile", "/run/skepd.pid"],
        ...["-H", "unix:///run/skep/docker.sock", "-H", "tcp://0.0.0.0:2376", "--config", paths.skepdConfig],
        ...["--tlsverify", "--tlscacert", pem("ca"), ...identity("server")],
      ];
      const [file = "", ...args] = enterCommand(initPid(cluster.machine("node-2")) ?? 0, [skepd, ...flags]);
      const daemon = spawn(file, args, { stdio: "ignore" });
      const exited = once(daemon, "exit");
      await eventually(() => expect(cluster.pid("node-2")).toBeDefined());
      await untilReady();

      const env = { ...process.env, DOCKER_CONFIG: certificates.path("config") };
      const over = (cli: string, ...given: readonly string[]) =>
        runCommand([cli, "-H", `tcp://${address}:2376`, ...given], { env });
      for (const cli of clis) {
        const verified = ["--tlsverify", "--tlscacert", pem("ca")];
        const known = [...verified, ...identity("client")];
        expect(await over(cli, ...known, "info", "--format", "{{.Name}} {{.Swarm.LocalNodeState}}")).toEqual({
          ...{ stdout: "node-2 active\n", stderr: "", code: 0 },
        });
        const run = await over(cli, ...known, "run", "--rm", "alpine", "sh", "-c", "echo out; echo err >&2; exit 3");
        expect(run).toEqual({ stdout: "out\n", stderr: "err\n", code: 3 });
        expect((await over(cli, ...verified, ...identity("stranger"), "ps")).stderr).toMatch(/remote error: tls: /);
        expect((await over(cli, ...verified, "ps")).stderr).toMatch(/remote error: tls: .*certificate/);
        expect((await over(cli, "ps")).code).toBe(1);
      }
      await stopSkepd("node-2");
      await exited;
      await cluster.startSkepd("node-2");
      await untilReady();
    },
  );

  test("no request on its socket ends it", { timeout: 180_000 }, async () => {
    const { skepSocket } = cluster.machine("node-1").paths;
    const pid = cluster.pid("node-1");
    const answers = await inTurns(malformedRequests(), 16, (request) => answerTo(skepSocket, request));
    for (const answer of answers) expect(answer).toMatch(/^(|HTTP\/1\.1 \d{3} [\s\S]*)$/);
    expect((await requestOver(skepSocket, "/_ping")).body).toBe("OK");
    expect(cluster.pid("node-1")).toBe(pid);
    expect(await cluster.logs("node-1")).not.toMatch(/skepd has a bug/);
  });
});

/** All that comes back until the other side closes, or half a second after this one did. */
async function answerTo(socketPath: string, request: Buffer): Promise<string> {
  const socket = connect(socketPath);
  let answer = "";
  socket.on("error", () => {}); // a reset is an answer too
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
  });
  socket.end(request);
  const patience = new AbortController();
  await Promise.race([once(socket, "close"), sleep(500, undefined, { signal: patience.signal })]);
  patience.abort();
  socket.destroy();
  return answer;
}

async function inTurns<T, R>(items: readonly T[], width: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const turn = async () => {
    for (const [i, item] of left) results[i] = await act(item);
  };
  await Promise.all(Array.from({ length: width }, turn));
  return results;
}
