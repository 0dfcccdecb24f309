import { Agent } from "@skep/agent";
import { type Assignment, type NodeId, type ServiceId, silentLogger, systemClock, type TaskId } from "@skep/model";
import { FakeEngine } from "@skep/testkit";
import { percentile, report } from "./report.ts";

// What the agent itself costs: an engine that answers at once, and the same calls made without an agent beside it.

const rounds = 30;
const image = "alpine:latest";

const assignments = (count: number): Assignment[] =>
  Array.from({ length: count }, (_, i) => ({
    task: {
      id: `t${i}` as TaskId,
      version: 1,
      createdAt: "",
      updatedAt: "",
      serviceId: "s1" as ServiceId,
      slot: i + 1,
      nodeId: "n1" as NodeId,
      spec: { ContainerSpec: { Image: image, Env: ["NODE={{.Node.Hostname}}"] } },
      specVersion: 1,
      serviceName: "web",
      serviceLabels: {},
      cause: "replica",
      desiredState: "running",
      status: { state: "assigned", timestamp: "", message: "" },
    },
  }));

const newEngine = () => {
  const engine = new FakeEngine({ clock: systemClock, images: [image] });
  engine.registry.set(image, "sha256:same");
  return engine;
};

/** From the assignments to the last report of `running`, in milliseconds. */
async function throughAgent(count: number): Promise<number> {
  const end = new AbortController();
  const all = Promise.withResolvers<void>();
  let running = 0;
  const agent = new Agent({
    engine: newEngine(),
    clock: systemClock,
    logger: silentLogger,
    node: () => ({ id: "n1" as NodeId, hostname: "node-1", platform: { Architecture: "x86_64", OS: "linux" } }),
    report(updates) {
      running += updates.filter(({ status }) => status.state === "running").length;
      if (running === count) all.resolve();
    },
  });
  const ended = agent.run(end.signal);
  const from = performance.now();
  agent.replaceAll(1, assignments(count));
  await all.promise;
  const tookMs = performance.now() - from;
  end.abort();
  await ended;
  return tookMs;
}

/** The same containers, with the calls that cannot be spared. */
async function throughEngine(count: number): Promise<number> {
  const engine = newEngine();
  const from = performance.now();
  await Promise.all(
    assignments(count).map(async ({ task }) => {
      const { Id } = await engine.createContainer(task.id, { Image: image, Labels: { "com.docker.swarm.task": "" } });
      await engine.startContainer(Id);
      await engine.inspectContainer(Id);
    }),
  );
  return performance.now() - from;
}

for (const count of [1, 100]) {
  const agent: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(await throughEngine(count));
    agent.push(await throughAgent(count));
  }
  const [median, alone] = [percentile(agent, 50), percentile(bare, 50)];
  const metric = (what: string) => `${count} task${count > 1 ? "s" : ""} at once: ${what}`;
  report({ bench: "agent", metric: metric("assigned to running, fake engine"), value: median, unit: "ms" });
  report({ bench: "agent", metric: metric("the engine calls alone"), value: alone, unit: "ms" });
  report({
    bench: "agent",
    metric: metric("the agent's own cost per task"),
    value: ((median - alone) / count) * 1000,
    unit: "µs",
    target: "<= 1000 µs",
  });
}
