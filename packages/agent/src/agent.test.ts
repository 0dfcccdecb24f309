import { EngineError } from "@skep/engine";
import { type Assignment, type NodeId, silentLogger, type Task, type TaskId, type TaskStatus } from "@skep/model";
import { FakeClock, FakeEngine, settle } from "@skep/testkit";
import { afterEach, expect, test } from "vitest";
import { Agent, type AgentOptions } from "./agent.ts";
import { engineOnlyHooks, type TaskHooks } from "./task/task-hooks.ts";
import { assigned, webTask } from "./task/test-tasks.ts";

const ends: AbortController[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.abort();
});

function agentOn(engine: FakeEngine, clock: FakeClock, options: Partial<AgentOptions> = {}) {
  const reports: string[] = [];
  const statuses = new Map<TaskId, TaskStatus>();
  const agent = new Agent({
    engine,
    clock,
    logger: silentLogger,
    node: () => ({ id: "n1" as NodeId, hostname: "node-1", platform: { Architecture: "x86_64", OS: "linux" } }),
    report(updates) {
      for (const { taskId, status } of updates) {
        statuses.set(taskId, status);
        reports.push(`${taskId} ${status.state} (${status.message})${status.err ? `: ${status.err}` : ""}`);
      }
    },
    ...options,
  });
  const end = new AbortController();
  ends.push(end);
  const ended = agent.run(end.signal);
  return { agent, reports, statuses, end, ended };
}

/** A node with an agent that has been given these tasks. */
async function nodeWith(tasks: readonly Task[], options: Partial<AgentOptions> = {}) {
  const clock = new FakeClock();
  const engine = new FakeEngine({ clock });
  engine.registry.set("alpine:latest", "sha256:alpine:latest");
  const node = agentOn(engine, clock, options);
  node.agent.replaceAll(
    1,
    tasks.map((task) => assigned(task)),
  );
  await settle();
  return { clock, engine, ...node };
}

/** The same task as the manager sends it later. */
const again = (task: Task, changes: Partial<Task>): Assignment => assigned({ ...task, ...changes });

const callsOf = (engine: FakeEngine, verb: string) => engine.calls.filter((call) => call.startsWith(verb));

test("starts a task's container and tells every state", async () => {
  const { agent, engine, reports, statuses } = await nodeWith([webTask()]);
  expect(engine.lines()).toEqual(["web.1.t1 running alpine:latest"]);
  expect(reports).toEqual([
    "t1 accepted (accepted)",
    "t1 preparing (preparing)",
    "t1 ready (prepared)",
    "t1 starting (starting)",
    "t1 running (started)",
  ]);
  const { id, pid } = engine.container("t1");
  expect(statuses.get("t1" as TaskId)).toEqual({
    state: "running",
    timestamp: "2026-01-01T00:00:00.000Z",
    message: "started",
    container: { id, pid, exitCode: 0 },
    runningAt: "2026-01-01T00:00:00.000Z",
  });
  expect(agent.appliedRevision).toBe(1);
});

test("asks the engine for no more than it must to start a task", async () => {
  const { engine } = await nodeWith([webTask()]);
  expect(engine.calls).toEqual([
    "events",
    "list all",
    "image alpine:latest",
    "pull alpine:latest",
    "create web.1.t1 alpine:latest",
    "start web.1.t1",
    "inspect web.1.t1",
  ]);
});

test("a non-zero exit fails the task, zero completes it", async () => {
  const { engine, reports, statuses, clock } = await nodeWith([webTask(), webTask({ id: "t2", slot: 2 })]);
  await clock.advanceAsync(1000);
  engine.exit("t1", 3);
  engine.exit("t2", 0);
  await settle();
  expect(reports.slice(-2)).toEqual(["t1 failed (started): task: non-zero exit (3)", "t2 complete (finished)"]);
  expect(statuses.get("t1" as TaskId)).toMatchObject({
    container: { id: engine.container("t1").id, pid: 0, exitCode: 3 },
    runningAt: "2026-01-01T00:00:00.000Z",
    timestamp: "2026-01-01T00:00:01.000Z",
  });
  expect(engine.lines()).toEqual(["web.1.t1 exited 3 alpine:latest", "web.2.t2 exited 0 alpine:latest"]);
});

test("desired ready prepares and holds, desired running then starts", async () => {
  const task = webTask({ desiredState: "ready" });
  const { agent, engine, reports } = await nodeWith([task]);
  expect(engine.lines()).toEqual(["web.1.t1 created alpine:latest"]);
  expect(reports.at(-1)).toBe("t1 ready (prepared)");
  agent.change(2, [again(task, { desiredState: "running" })], []);
  await settle();
  expect(engine.lines()).toEqual(["web.1.t1 running alpine:latest"]);
});

test("shutdown stops with the grace period and keeps the container until the task is forgotten", async () => {
  const task = webTask({ spec: { StopGracePeriod: 3e9 } });
  const { agent, clock, engine, reports } = await nodeWith([task]);
  engine.onStopSignal = () => undefined;
  agent.change(2, [again(task, { desiredState: "shutdown" })], []);
  await clock.advanceAsync(2_999);
  expect(engine.lines()).toEqual(["web.1.t1 running alpine:latest"]);
  await clock.advanceAsync(1);
  expect(engine.lines()).toEqual(["web.1.t1 exited 137 alpine:latest"]);
  expect(reports.at(-1)).toBe("t1 shutdown (shutdown)");
  expect(callsOf(engine, "stop")).toEqual(["stop web.1.t1 3s"]);
  agent.change(3, [], [task.id]);
  await settle();
  expect(engine.lines()).toEqual([]);
  expect(agent.status(task.id)).toBeUndefined();
});

test("balancers let go of a container before its stop signal", async () => {
  const withdrawn = Promise.withResolvers<void>();
  const hooks: TaskHooks = { ...engineOnlyHooks, withdraw: () => withdrawn.promise };
  const task = webTask();
  const { agent, engine } = await nodeWith([task], { hooks });
  agent.change(2, [again(task, { desiredState: "shutdown" })], []);
  await settle();
  expect(callsOf(engine, "stop")).toEqual([]);
  withdrawn.resolve();
  await settle();
  expect(callsOf(engine, "stop")).toEqual(["stop web.1.t1 10s"]);
});

test("a task that leaves the assignments while it runs is stopped, then removed", async () => {
  const { agent, engine } = await nodeWith([webTask()]);
  agent.replaceAll(2, []);
  await settle();
  expect(engine.lines()).toEqual([]);
  expect(engine.calls.slice(-3)).toEqual(["stop web.1.t1 10s", "inspect web.1.t1", "remove web.1.t1 forced"]);
});

test("a task that must not run any more is given up while its image is pulled", async () => {
  const task = webTask({ spec: { Image: "big:1" } });
  const { agent, clock, engine, reports } = await nodeWith([]);
  engine.registry.set("big:1", "sha256:big");
  engine.downloadMs = 60_000;
  agent.change(2, [assigned(task)], []);
  await settle();
  agent.change(3, [again(task, { desiredState: "shutdown" })], []);
  await settle();
  expect(reports.at(-1)).toBe("t1 shutdown (shutdown)");
  await clock.advanceAsync(60_000);
  expect(callsOf(engine, "create")).toEqual([]);
  expect(engine.images.has("big:1")).toBe(false);
});

test("a missing image rejects the task in the engine's words", async () => {
  const { reports, statuses } = await nodeWith([webTask({ spec: { Image: "alpine:nosuchtag" } })]);
  expect(reports.at(-1)).toBe("t1 rejected (preparing): No such image: alpine:nosuchtag");
  expect(statuses.get("t1" as TaskId)?.container).toBeUndefined();
});

test("a template that cannot be expanded rejects the task", async () => {
  const { reports } = await nodeWith([webTask({ spec: { Env: ["A={{.Nope}}"] } })]);
  expect(reports).toEqual([
    't1 rejected (resolving controller failed): expanding env failed: expanding env "A={{.Nope}}": template: ' +
      `expansion:1:2: executing "expansion" at <.Nope>: can't evaluate field Nope in type *template.Context`,
  ]);
});

test("what the node cannot give a container yet rejects the task by name", async () => {
  const { reports } = await nodeWith([webTask({ spec: { Secrets: [{ SecretName: "s" }] } })]);
  expect(reports.at(-1)).toBe("t1 rejected (preparing): this node does not support giving secrets to containers yet");
});

test("templates show this node", async () => {
  const { engine } = await nodeWith([webTask({ spec: { Env: ["N={{.Node.Hostname}}/{{.Node.Platform.OS}}"] } })]);
  expect(engine.container("t1").config).toMatchObject({ Env: ["N=node-1/linux"] });
});

test("a container that cannot start fails the task", async () => {
  const { agent, engine, reports, statuses } = await nodeWith([]);
  engine.before = (call) => {
    if (call === "start web.1.t1") throw new EngineError(400, 'exec: "nope": executable file not found in $PATH');
  };
  agent.change(2, [assigned(webTask())], []);
  await settle();
  expect(reports.at(-1)).toBe(
    't1 failed (starting): starting container failed: exec: "nope": executable file not found in $PATH',
  );
  expect(statuses.get("t1" as TaskId)?.container?.id).toBe(engine.container("t1").id);
});

test("a container removed by hand fails its task", async () => {
  const { engine, reports, statuses } = await nodeWith([webTask()]);
  const { id } = engine.container("t1");
  engine.destroy("t1");
  await settle();
  expect(reports.at(-1)).toBe("t1 failed (started): task: non-zero exit (137)");
  expect(statuses.get("t1" as TaskId)?.container).toEqual({ id, pid: 0, exitCode: 137 });
});

const healthy = { spec: { Healthcheck: { Test: ["CMD", "true"] } } };

test("a health check gates running", async () => {
  const { clock, engine, reports, statuses } = await nodeWith([webTask(healthy)]);
  expect(reports.at(-1)).toBe("t1 starting (starting)");
  await clock.advanceAsync(5_000);
  engine.setHealth("t1", "healthy");
  await settle();
  expect(reports.at(-1)).toBe("t1 running (started)");
  expect(statuses.get("t1" as TaskId)?.runningAt).toBe("2026-01-01T00:00:05.000Z");
});

test("an unhealthy container is stopped and its task has failed", async () => {
  const { engine, reports } = await nodeWith([webTask(healthy)]);
  engine.onStopSignal = () => ({ exitCode: 137 });
  engine.setHealth("t1", "unhealthy");
  await settle();
  expect(reports.at(-1)).toBe("t1 failed (starting): task: non-zero exit (137): dockerexec: unhealthy container");
  expect(engine.lines()).toEqual(["web.1.t1 exited 137 alpine:latest"]);
});

test("host-mode ports are told as the engine bound them, both address families", async () => {
  const Ports = [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }] as const;
  const { engine, statuses } = await nodeWith([webTask({ endpointSpec: { Ports } })]);
  expect(statuses.get("t1" as TaskId)?.ports).toEqual([Ports[0], Ports[0]]);
  engine.exit("t1", 0);
  await settle();
  expect(statuses.get("t1" as TaskId)?.ports).toBeUndefined();
});

test("volumes with options of their own are made before the container", async () => {
  const VolumeOptions = { Labels: { a: "{{.Task.Slot}}" }, DriverConfig: { Name: "local", Options: { o: "x" } } };
  const Mounts = [
    { Type: "volume", Source: "data", Target: "/d", VolumeOptions },
    { Type: "volume", Source: "plain", Target: "/p" },
  ];
  const { engine } = await nodeWith([webTask({ spec: { Mounts } })]);
  expect([...engine.volumes.values()]).toEqual([
    { Name: "data", Driver: "local", DriverOpts: { o: "x" }, Labels: { a: "1" } },
  ]);
});

test("thirty tasks of a service share one pull, and a slow one holds up no other service", async () => {
  const tasks = Array.from({ length: 30 }, (_, i) => webTask({ id: `t${i}`, slot: i + 1 }));
  const slow = webTask({ id: "slow", slot: 99, serviceId: "s2" as Task["serviceId"], spec: { Image: "slow:1" } });
  const { clock, engine } = await nodeWith([]).then(async (node) => {
    node.engine.registry.set("slow:1", "sha256:slow");
    node.engine.before = (call) =>
      call === "pull slow:1" ? new Promise((resolve) => node.clock.after(30_000, resolve)) : undefined;
    node.agent.replaceAll(
      2,
      [slow, ...tasks].map((task) => assigned(task)),
    );
    await settle();
    return node;
  });
  expect(callsOf(engine, "pull")).toEqual(["pull slow:1", "pull alpine:latest"]);
  expect(engine.lines()).toHaveLength(30);
  await clock.advanceAsync(30_000);
  expect(engine.lines()).toHaveLength(31);
});

test("starts at most so many containers at a time", async () => {
  const { agent, engine } = await nodeWith([], { parallelStarts: 3 });
  let now = 0;
  let most = 0;
  engine.before = async (call) => {
    if (!call.startsWith("start")) return;
    most = Math.max(most, ++now);
    await settle();
    now--;
  };
  agent.replaceAll(
    2,
    Array.from({ length: 12 }, (_, i) => assigned(webTask({ id: `t${i}`, slot: i + 1 }))),
  );
  for (let i = 0; i < 20; i++) await settle();
  expect(engine.lines()).toHaveLength(12);
  expect(most).toBe(3);
});

test("a start that hangs gives its place to another after 10 s", async () => {
  const { agent, engine, clock } = await nodeWith([], { parallelStarts: 1 });
  const hanging = Promise.withResolvers<void>();
  let isFirst = true;
  engine.before = async (call) => {
    if (!call.startsWith("start") || !isFirst) return;
    isFirst = false;
    await hanging.promise;
  };
  agent.replaceAll(2, [assigned(webTask({ id: "t1", slot: 1 })), assigned(webTask({ id: "t2", slot: 2 }))]);
  const running = () => engine.lines().filter((line) => line.includes("running")).length;
  await clock.advanceAsync(9_900);
  expect(running()).toBe(0);
  await clock.advanceAsync(200);
  expect(running()).toBe(1);
  hanging.resolve();
  await clock.advanceAsync(0);
  expect(running()).toBe(2);
});

test("an engine that is away for a moment fails nothing", async () => {
  const running = webTask();
  const fresh = webTask({ id: "t2", slot: 2 });
  const { agent, clock, engine, reports } = await nodeWith([running]);
  engine.setAvailable(false);
  agent.change(2, [assigned(fresh)], []);
  await clock.advanceAsync(30_000);
  expect(reports.filter((report) => /failed|rejected/.test(report))).toEqual([]);
  engine.exit("t1", 1);
  engine.setAvailable(true);
  await clock.advanceAsync(10_000);
  expect(engine.lines()).toEqual(["web.1.t1 exited 1 alpine:latest", "web.2.t2 running alpine:latest"]);
  expect(agent.status(running.id)).toMatchObject({ state: "failed", err: "task: non-zero exit (1)" });
});

test("an end that no event told is seen within a minute", async () => {
  const { clock, engine, reports } = await nodeWith([webTask()]);
  engine.container("t1").status = "exited";
  engine.container("t1").exitCode = 4;
  await clock.advanceAsync(60_000);
  expect(reports.at(-1)).toBe("t1 failed (started): task: non-zero exit (4)");
});

test("tells the manager again what it has missed", async () => {
  const task = webTask();
  const { agent, reports } = await nodeWith([task]);
  reports.length = 0;
  agent.replaceAll(2, [assigned(task)]);
  await settle();
  expect(reports).toEqual(["t1 running (started)"]);
  agent.replaceAll(3, [again(task, { status: { state: "running", timestamp: "", message: "started" } })]);
  await settle();
  expect(reports).toHaveLength(1);
});

test("stops what the manager has rejected", async () => {
  const task = webTask();
  const { agent, engine, reports } = await nodeWith([task]);
  reports.length = 0;
  const status: TaskStatus = { state: "rejected", timestamp: "", message: "task rejected by constraint enforcer" };
  agent.change(2, [again(task, { status, desiredState: "shutdown" })], []);
  await settle();
  expect(engine.lines()).toEqual(["web.1.t1 exited 0 alpine:latest"]);
  expect(reports).toEqual([]);
});

test("ends when its signal aborts, leaving containers alone and no timers behind", async () => {
  const { clock, end, ended, engine } = await nodeWith([webTask()]);
  end.abort();
  await ended;
  await settle();
  expect(engine.lines()).toEqual(["web.1.t1 running alpine:latest"]);
  expect(engine.eventStreams).toBe(0);
  expect(clock.pending).toBe(0);
});

test("leaving the swarm removes all containers of this node's tasks, and no others", async () => {
  const { agent, engine, reports } = await nodeWith([webTask(), webTask({ id: "t2", slot: 2 })]);
  await engine.createContainer("mine", { Image: "alpine:latest" });
  reports.length = 0;
  await agent.removeEverything();
  expect(engine.lines()).toEqual(["mine created alpine:latest"]);
  expect(reports).toEqual([]);
});

test("describes the node by its engine", async () => {
  const { agent } = await nodeWith([]);
  expect(await agent.describe()).toEqual({
    Hostname: "node-1",
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 2e9, MemoryBytes: 8_000_000_000 },
    Engine: {
      EngineVersion: "20.10.24",
      Plugins: [
        { Type: "Log", Name: "json-file" },
        { Type: "Log", Name: "local" },
        { Type: "Network", Name: "bridge" },
        { Type: "Network", Name: "host" },
        { Type: "Network", Name: "null" },
        { Type: "Volume", Name: "local" },
      ],
    },
  });
});
