import fc from "fast-check";
import { expect, test } from "vitest";
import { hostPorts } from "./node-load.ts";
import { schedule } from "./schedule.ts";
import { firstChoice, gib, node, nodes, planned, running, summaries, task, tasks } from "./test-data.ts";

const reserve = (memoryBytes: number, cpus = 0) => ({
  Resources: { Reservations: { MemoryBytes: memoryBytes, NanoCPUs: cpus * 1e9 } },
});
const port8080 = [{ Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }] as const;

test("fills nodes with the fewest tasks of the service, then with the fewest in all", () => {
  const present = [running(1, "node-1"), running(1, "node-2", { service: "db" })];
  expect(planned(tasks(4, {}).slice(1), summaries(nodes(3), present))).toEqual([
    "web.2 -> node-3",
    "web.3 -> node-2",
    "web.4 -> node-1",
  ]);
});

test("tasks that are stopping do not count when others are spread", () => {
  const present = [running(1, "node-1", { desired: "shutdown" }), running(2, "node-2")];
  expect(planned([task(3)], summaries(nodes(2), present))).toEqual(["web.3 -> node-1"]);
});

test("equal nodes are told apart by the given choice", () => {
  const plan = (pick: number) => planned([task(1)], summaries(nodes(3)), { ...firstChoice, pickIndex: () => pick });
  expect([plan(0), plan(1), plan(2)].flat()).toEqual(["web.1 -> node-1", "web.1 -> node-2", "web.1 -> node-3"]);
});

test("a node where this version of the service failed five times in five minutes comes last", () => {
  const cluster = summaries(nodes(2), [running(1, "node-2"), running(2, "node-2")]);
  const failing = cluster[0]?.load;
  const late = { ...firstChoice, nowMs: firstChoice.nowMs + 6 * 60_000 };
  for (let count = 1; count <= 4; count++) failing?.noteFailure(task(9), firstChoice.nowMs);
  expect(planned([task(3)], cluster)).toEqual(["web.3 -> node-1"]);
  failing?.noteFailure(task(9), firstChoice.nowMs);
  expect(planned([task(3)], cluster)).toEqual(["web.3 -> node-2"]);
  expect(planned([task(3, { specVersion: 2 })], cluster)).toEqual(["web.3 -> node-1"]);
  expect(planned([task(3)], cluster, late)).toEqual(["web.3 -> node-1"]);
});

test("nodes that are not ready or not active take nothing", () => {
  const cluster = summaries([
    node("node-1", { state: "down" }),
    node("node-2", { availability: "drain" }),
    node("node-3", { availability: "pause" }),
    node("node-4", { state: "unknown" }),
  ]);
  expect(planned([task(1)], cluster)).toEqual([
    "web.1: no suitable node (4 nodes not available for new tasks): node-1 is down, node-2 is drained, node-3 is paused, 1 more",
  ]);
  expect(planned([task(1)], [])).toEqual(["web.1: no suitable node"]);
});

test("reservations of tasks that still run are taken from what a node has", () => {
  const present = [running(1, "node-1", { spec: reserve(3 * gib), desired: "shutdown" })];
  expect(planned(tasks(4, { service: "db", spec: reserve(4 * gib) }), summaries(nodes(2), present))).toEqual([
    "db.1 -> node-1",
    "db.2 -> node-2",
    "db.3 -> node-2",
    "db.4: no suitable node (insufficient resources on 2 nodes): each task reserves 4GiB of memory, which other tasks' reservations leave free on none of these nodes",
  ]);
});

test("a reservation larger than any node is told with the size of the largest", () => {
  const cluster = summaries([...nodes(2), node("node-3", { availability: "drain" })]);
  expect(planned([task(1, { spec: reserve(64 * gib) })], cluster)).toEqual([
    "web.1: no suitable node (insufficient resources on 2 nodes; 1 node not available for new tasks): each task reserves 64GiB of memory, the largest of these nodes has 8GiB; node-3 is drained",
  ]);
  expect(planned([task(1, { spec: reserve(0, 4.5) })], cluster.slice(0, 1))).toEqual([
    "web.1: no suitable node (insufficient resources on 1 node): each task reserves 4.5 CPUs, the largest of these nodes has 4 CPUs",
  ]);
});

test("log and volume plugins must be there, on nodes that tell theirs", () => {
  const plugins = [
    { Type: "Log", Name: "json-file" },
    { Type: "Volume", Name: "local" },
    { Type: "Volume", Name: "vieux/sshfs:latest" },
  ];
  const logging = (Name: string) => task(1, { spec: { LogDriver: { Name } } });
  const volume = (Name: string) => {
    const Mounts = [{ Type: "volume", Target: "/data", VolumeOptions: { DriverConfig: { Name } } }];
    return task(1, { spec: { ContainerSpec: { Mounts } } });
  };
  const telling = summaries([node("node-1", { plugins })]);
  const silent = summaries([node("node-1")]);
  const placed = ["web.1 -> node-1"];
  expect(planned([logging("json-file")], telling)).toEqual(placed);
  expect(planned([logging("none")], telling)).toEqual(placed);
  expect(planned([volume("vieux/sshfs")], telling)).toEqual(placed);
  expect(planned([volume("rexray")], silent)).toEqual(placed);
  expect(planned([volume("rexray")], telling)).toEqual([
    "web.1: no suitable node (missing plugin on 1 node): needs the volume plugin rexray",
  ]);
  expect(planned([logging("gelf")], telling)).toEqual([
    "web.1: no suitable node (missing plugin on 1 node): needs the log plugin gelf",
  ]);
});

test("constraints choose nodes, and the explanation says which one fails", () => {
  const cluster = summaries([node("node-1", { labels: { zone: "a" } }), node("node-2", { labels: { zone: "b" } })]);
  const constrained = (...Constraints: string[]) => [task(1, { spec: { Placement: { Constraints } } })];
  expect(planned(constrained("node.labels.zone == b"), cluster)).toEqual(["web.1 -> node-2"]);
  expect(planned(constrained("node.labels.zone == c", "node.role == worker"), cluster)).toEqual([
    "web.1: no suitable node (scheduling constraints not satisfied on 2 nodes): node.labels.zone==c does not hold on 2 nodes",
  ]);
  expect(planned(constrained("node.labels.zone"), cluster)).toEqual([
    "web.1: no suitable node (scheduling constraints not satisfied on 2 nodes): constraint expected one operator from ==, !=",
  ]);
});

test("platforms choose nodes", () => {
  const on = (Architecture: string) => [
    task(1, { spec: { Placement: { Platforms: [{ Architecture, OS: "linux" }] } } }),
  ];
  expect(planned(on("amd64"), summaries(nodes(1)))).toEqual(["web.1 -> node-1"]);
  expect(planned(on("arm64"), summaries(nodes(1)))).toEqual([
    "web.1: no suitable node (unsupported platform on 1 node): the image is for linux/arm64",
  ]);
});

test("a host port goes to one task on a node, per protocol, until its container has ended", () => {
  const udp = [{ Protocol: "udp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" }] as const;
  const stopping = [running(1, "node-1", { service: "old", ports: port8080, desired: "shutdown" })];
  expect(planned(tasks(2, { ports: port8080 }), summaries(nodes(2), stopping))).toEqual([
    "web.1 -> node-2",
    "web.2: no suitable node (host-mode port already in use on 2 nodes): each task needs tcp/8080 of its node",
  ]);
  expect(planned([task(1, { ports: udp })], summaries(nodes(1), stopping))).toEqual(["web.1 -> node-1"]);
  const ended = [{ ...stopping[0], status: { ...task(1).status, state: "shutdown" } } as ReturnType<typeof task>];
  expect(planned([task(1, { ports: port8080 })], summaries(nodes(1), ended))).toEqual(["web.1 -> node-1"]);
});

test("no node takes more than the most replicas", () => {
  const cluster = summaries([...nodes(2), node("node-3", { availability: "drain" })], [running(1, "node-1")]);
  const spec = { Placement: { MaxReplicas: 2 } };
  expect(planned(tasks(5, { spec }).slice(1), cluster)).toEqual([
    "web.2 -> node-2",
    "web.3 -> node-1",
    "web.4 -> node-2",
    "web.5: no suitable node (max replicas per node limit exceed; 1 node not available for new tasks): at most 2 of this service's tasks on one node; node-3 is drained",
  ]);
});

test("a node is counted under the first filter that refuses it, the commonest reason first", () => {
  const cluster = summaries([
    node("node-1", { state: "down", labels: { zone: "a" } }),
    node("node-2", { memoryBytes: gib }),
    node("node-3"),
    node("node-4"),
  ]);
  const spec = { ...reserve(2 * gib), Placement: { Constraints: ["node.labels.zone == a"] } };
  expect(planned([task(1, { spec })], cluster)[0]).toContain(
    "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks; insufficient resources on 1 node): ",
  );
});

test("preferences fill the branches of a label evenly, however many nodes they have", () => {
  const cluster = summaries([
    node("node-1", { labels: { zone: "a" } }),
    node("node-2", { labels: { zone: "a" } }),
    node("node-3", { labels: { zone: "b" } }),
    node("node-4"),
  ]);
  const spec = { Placement: { Preferences: [{ Spread: { SpreadDescriptor: "node.labels.zone" } }] } };
  expect(planned(tasks(6, { spec }), cluster)).toEqual([
    "web.1 -> node-1",
    "web.2 -> node-3",
    "web.3 -> node-4",
    "web.4 -> node-2",
    "web.5 -> node-3",
    "web.6 -> node-4",
  ]);
});

test("a branch without room leaves its share to the others, and its tasks still count", () => {
  const cluster = summaries(
    [
      node("node-1", { labels: { zone: "a", rack: "1" } }),
      node("node-2", { labels: { zone: "a", rack: "2" }, availability: "pause" }),
      node("node-3", { labels: { zone: "b", rack: "1" } }),
    ],
    [running(1, "node-2"), running(2, "node-2")],
  );
  const spread = (label: string) => ({ Spread: { SpreadDescriptor: `node.labels.${label}` } });
  const spec = { Placement: { Preferences: [spread("zone"), spread("rack")], MaxReplicas: 3 } };
  expect(planned(tasks(6, { spec }).slice(2), cluster)).toEqual([
    "web.3 -> node-3",
    "web.4 -> node-3",
    "web.5 -> node-1",
    "web.6 -> node-3",
  ]);
});

test("a task bound to a node goes there when it has room, whatever its constraints say", () => {
  const spec = { ...reserve(4 * gib), Placement: { Constraints: ["node.labels.zone == a"] } };
  const bound = task(1, { node: "node-2", spec });
  expect(planned([bound], summaries(nodes(3)))).toEqual(["web.1 -> node-2"]);
  expect(planned([bound], summaries(nodes(3), [running(2, "node-2", { spec: reserve(6 * gib) })]))[0]).toContain(
    "no suitable node (insufficient resources on 1 node)",
  );
});

const pendingTasks = fc.record({
  count: fc.integer({ min: 0, max: 40 }),
  memory: fc.integer({ min: 0, max: 3 }),
  port: fc.boolean(),
  most: fc.integer({ min: 0, max: 3 }),
});
const clusterOf = fc.record({
  memories: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 8 }),
  present: fc.array(fc.record({ on: fc.nat(7), memory: fc.nat(3) }), { maxLength: 10 }),
  pick: fc.nat(100),
});

test("never gives away more than a node has, nor a host port twice, and stops only when all is full", () => {
  fc.assert(
    fc.property(pendingTasks, clusterOf, ({ count, memory, port, most }, { memories, present, pick }) => {
      const cluster = memories.map((gibs, index) => node(`node-${index}`, { memoryBytes: gibs * gib }));
      const before = present
        .filter(({ on }) => on < memories.length)
        .map(({ on, memory }, slot) => running(slot, `node-${on}`, { service: "old", spec: reserve(memory * gib) }));
      const spec = { ...reserve(memory * gib), Placement: { MaxReplicas: most } };
      const pending = tasks(count, { spec, ...(port ? { ports: port8080 } : {}) });
      const circumstances = { ...firstChoice, pickIndex: (length: number) => pick % length };
      const plan = schedule(pending, summaries(cluster, before), circumstances);
      const after = plan.placements.map(({ task, node }) =>
        running(task.slot, node.node.id, { spec, ...(port ? { ports: port8080 } : {}) }),
      );
      const result = summaries(cluster, [...before, ...after]);
      for (const { node, load } of result) {
        const mine = after.filter((task) => task.nodeId === node.id);
        if (mine.length === 0) continue;
        if (memory > 0)
          expect(load.reservedMemoryBytes).toBeLessThanOrEqual(node.description?.Resources.MemoryBytes ?? 0);
        expect(mine.flatMap(hostPorts).length).toBeLessThanOrEqual(port ? 1 : 0);
        if (most > 0) expect(mine.length).toBeLessThanOrEqual(most);
      }
      expect(plan.placements.length + plan.unplaced.length).toBe(count);
      expect(schedule(plan.unplaced, result, circumstances).placements).toEqual([]);
      expect(plan.explanation === undefined).toBe(plan.unplaced.length === 0);
    }),
  );
});

test("equal nodes get numbers of tasks that differ by one at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(100), fc.nat(100), (nodeCount, count, pick) => {
      const circumstances = { ...firstChoice, pickIndex: (length: number) => pick % length };
      const { placements } = schedule(tasks(count), summaries(nodes(nodeCount)), circumstances);
      const counts = nodes(nodeCount).map(({ id }) => placements.filter(({ node }) => node.node.id === id).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      expect(placements.length).toBe(count);
    }),
  );
});
