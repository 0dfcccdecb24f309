import { HttpEngine } from "@skep/engine";
import { type NodeId, silentLogger, systemClock, type Task, type TaskId, type TaskStatus } from "@skep/model";
import { PrivateEngine, privateEngineProblem } from "@skep/testkit";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Agent } from "../src/agent.ts";
import { assigned, webTask } from "../src/task/test-tasks.ts";

const problem = privateEngineProblem();
const onEngine = test.skipIf(problem !== undefined);
if (problem) console.warn(`agent on a real engine: skipped, ${problem}`);

const image = "busybox:test";
const stopsAtOnce = ["sh", "-c", "trap 'exit 0' TERM; echo hello from $HOSTNAME; while :; do sleep 0.1; done"];

let dockerd: PrivateEngine;
let engine: HttpEngine;
beforeAll(async () => {
  if (problem) return;
  dockerd = await PrivateEngine.start();
  await dockerd.importBusybox(image);
  engine = new HttpEngine(dockerd.socketPath);
}, 60_000);
afterAll(async () => {
  engine?.close();
  await dockerd?.stop();
}, 60_000);

const agents: AbortController[] = [];
afterEach(async () => {
  for (const end of agents.splice(0)) end.abort();
  if (!problem) await removeContainers();
});

const names = async () => (await engine.listContainers({ all: true })).flatMap(({ Names }) => Names).sort();

async function removeContainers() {
  const containers = await engine.listContainers({ all: true });
  await Promise.all(containers.map(({ Id }) => engine.removeContainer(Id, { force: true })));
}

function startAgent() {
  const history = new Map<TaskId, TaskStatus[]>();
  const agent = new Agent({
    engine,
    clock: systemClock,
    logger: silentLogger,
    node: () => ({ id: "n1" as NodeId, hostname: "node-1", platform: { Architecture: "x86_64", OS: "linux" } }),
    report(updates) {
      for (const { taskId, status } of updates) history.set(taskId, [...(history.get(taskId) ?? []), status]);
    },
  });
  const end = new AbortController();
  agents.push(end);
  void agent.run(end.signal);
  const last = (task: Task) => history.get(task.id)?.at(-1);
  /** Resolves with the status once the task is in this state. */
  const reaches = async (task: Task, state: TaskStatus["state"]): Promise<TaskStatus> => {
    await expect.poll(() => last(task), { timeout: 20_000 }).toMatchObject({ state });
    return last(task) as TaskStatus;
  };
  return { agent, kill: () => end.abort(), reaches };
}

const task = (id: string, spec: Parameters<typeof webTask>[0] & object = {}) =>
  webTask({ id, ...spec, spec: { Image: image, Args: stopsAtOnce, ...spec.spec } });

onEngine("starts, tells ports, reads logs, stops and removes", async () => {
  const { agent, reaches } = startAgent();
  const ports = [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }] as const;
  const web = task("t1", {
    spec: { Hostname: "{{.Node.Hostname}}-{{.Task.Slot}}", Healthcheck: { Test: ["CMD", "true"], Interval: 2e8 } },
    endpointSpec: { Ports: ports },
  });
  agent.replaceAll(1, [assigned(web)]);
  const running = await reaches(web, "running");
  expect(running).toMatchObject({ message: "started", container: { exitCode: 0 } });
  expect(running.ports).toEqual(expect.arrayContaining([...ports]));
  expect(running.container?.pid).toBeGreaterThan(0);

  const options = { stdout: true, stderr: true, follow: false, timestamps: false, details: false };
  const logs = await agent.logs(web.id, options, new AbortController().signal);
  expect(Buffer.concat(await logs.toArray()).toString("latin1")).toBe("\x01\0\0\0\0\0\0\x14hello from node-1-1\n");

  agent.change(2, [assigned({ ...web, desiredState: "shutdown" })], []);
  expect(await reaches(web, "shutdown")).toMatchObject({ message: "shutdown", container: { pid: 0, exitCode: 0 } });
  expect(await names()).toEqual(["/web.1.t1"]);
  agent.change(3, [], [web.id]);
  await expect.poll(names, { timeout: 20_000 }).toEqual([]);
});

onEngine("kills what ignores its stop signal after the grace period", async () => {
  const { agent, reaches } = startAgent();
  const stubborn = task("t1", {
    spec: { Args: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], StopGracePeriod: 1e9 },
  });
  agent.replaceAll(1, [assigned(stubborn)]);
  await reaches(stubborn, "running");
  const from = Date.now();
  agent.change(2, [assigned({ ...stubborn, desiredState: "shutdown" })], []);
  expect(await reaches(stubborn, "shutdown")).toMatchObject({ container: { exitCode: 137 } });
  expect(Date.now() - from).toBeGreaterThanOrEqual(1_000);
});

onEngine("tells failures in docker's words", async () => {
  const { agent, reaches } = startAgent();
  const exits = task("exits", { slot: 1, spec: { Args: ["sh", "-c", "exit 3"] } });
  const missing = task("missing", { slot: 2, spec: { Image: "nope.invalid/none:1" } });
  const noCommand = task("nocommand", { slot: 3, spec: { Args: ["/no/such/command"] } });
  const sick = task("sick", {
    slot: 4,
    // deaf to SIGTERM, as the first process of a container is: its end is a kill, however little time it is given
    spec: {
      Args: ["sleep", "1000"],
      Healthcheck: { Test: ["CMD", "false"], Interval: 2e8, Retries: 1 },
      StopGracePeriod: 0,
    },
  });
  const removed = task("removed", { slot: 5 });
  agent.replaceAll(
    1,
    [exits, missing, noCommand, sick, removed].map((each) => assigned(each)),
  );
  expect(await reaches(exits, "failed")).toMatchObject({ message: "started", err: "task: non-zero exit (3)" });
  expect(await reaches(missing, "rejected")).toMatchObject({
    message: "preparing",
    err: "No such image: nope.invalid/none:1",
  });
  const { err } = await reaches(noCommand, "failed");
  expect(err).toMatch(/^starting container failed: .*\/no\/such\/command.* no such file or directory/);
  expect(await reaches(sick, "failed")).toMatchObject({
    message: "starting",
    err: "task: non-zero exit (137): dockerexec: unhealthy container",
  });
  await reaches(removed, "running");
  await dockerd.docker(["rm", "-f", "web.5.removed"]);
  expect(await reaches(removed, "failed")).toMatchObject({ err: "task: non-zero exit (137)" });
});

onEngine("a new agent takes over what the old one left, and removes what nobody asks for", async () => {
  const first = startAgent();
  const stays = task("stays", { slot: 1 });
  const goes = task("goes", { slot: 2 });
  const held = task("held", { slot: 3, desiredState: "ready" });
  first.agent.replaceAll(
    1,
    [stays, goes, held].map((each) => assigned(each)),
  );
  const before = await first.reaches(stays, "running");
  await first.reaches(goes, "running");
  await first.reaches(held, "ready");
  first.kill();

  const second = startAgent();
  second.agent.replaceAll(
    2,
    [stays, held].map((each) => assigned(each)),
  );
  expect((await second.reaches(stays, "running")).container).toEqual(before.container);
  await second.reaches(held, "ready");
  await expect.poll(names, { timeout: 20_000 }).toEqual(["/web.1.stays", "/web.3.held"]);
  expect((await engine.inspectContainer("web.1.stays")).State.Pid).toBe(before.container?.pid);
});
