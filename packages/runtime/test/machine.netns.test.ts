import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { enterCommand, initPid } from "@skep/machine";
import { Cluster, privateEngineProblem } from "@skep/testkit";
import { expect, test } from "vitest";

const problem = privateEngineProblem();
const standIn = fileURLToPath(new URL("./stand-in-skepd.sh", import.meta.url));
const script = fileURLToPath(new URL("./serve-and-tell.ts", import.meta.url));

/** The script in a node; `lines` are what it tells. */
function serveIn(cluster: Cluster, node: string) {
  const init = initPid(cluster.machine(node));
  if (init === undefined) throw new Error(`${node} is stopped`);
  const [file = "", ...args] = enterCommand(init, [process.execPath, script]);
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const end = async () => {
    const exited = once(child, "exit");
    child.stdin.end();
    await exited;
  };
  return { next: async () => (await lines.next()).value ?? "", end };
}

test.skipIf(problem !== undefined)(
  `a node's engine has the runtime, and tells its own skepd (${problem ?? "as root"})`,
  async () => {
    await using cluster = await Cluster.create({ nodes: 1, skepd: false });
    const engine = async (...args: string[]) => {
      const { stdout, stderr, code } = await cluster.engine("node-1", ...args);
      if (code !== 0) throw new Error(stderr);
      return stdout.trim();
    };
    await cluster.importTestImage("busybox:test");
    const skepd = serveIn(cluster, "node-1");
    expect(await skepd.next()).toBe("ready");
    const id = await engine(
      "run",
      "-d",
      "--network",
      "none",
      "--runtime",
      "skep",
      "--hostname",
      "web",
      "busybox:test",
      "sleep",
      "1000",
    );
    const start = JSON.parse(await skepd.next());
    expect(start).toMatchObject({ containerId: id, hostname: "web" });
    expect(start.pid).toBe(Number(await engine("inspect", "--format", "{{.State.Pid}}", id)));
    expect(await engine("exec", id, "readlink", "/proc/1/ns/net")).toBe(start.network);
    await skepd.end();
  },
);

test.skipIf(problem !== undefined)(
  `containers that are restarted always come back with their node (${problem ?? "as root"})`,
  async () => {
    await using cluster = await Cluster.create({ nodes: 1, skepd: standIn });
    await cluster.importTestImage("busybox:test");
    const always = ["--name", "web", "--restart", "always", "--network", "none", "--runtime", "skep"];
    expect(await cluster.engine("node-1", "run", "-d", ...always, "busybox:test", "sleep", "1000")).toMatchObject({
      code: 0,
    });
    await cluster.kill("node-1");
    await cluster.start("node-1");
    const state = ["inspect", "--format", "{{.State.Running}} {{.State.Error}}", "web"];
    expect((await cluster.engine("node-1", ...state)).stdout.trim()).toBe("true");
  },
);
