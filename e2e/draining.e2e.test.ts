import { Cluster } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, Clients, type From, type Held, inside, lines } from "./clients.ts";
import { eventually } from "./cluster-helpers.ts";
import { virtualIp } from "./networks.ts";
import { clusterProblem, Operator, type TaskContainer } from "./operator.ts";

// What becomes of the connections and packets of a task that is taken away, by virtual IP and through the mesh.

const graceMs = 8000;
/** The shell is told to stop, and does not hear it: its child serves until both are killed. */
const stubborn = ["web:local", "sh", "-c", 'trap "" TERM; /usr/local/bin/whoami 80 9999; exit'] as const;
const published = ["--publish", "8080:80", "--publish", "9999:9999/udp"] as const;

interface Way {
  readonly from: From;
  readonly host: string;
  readonly port: number;
}

const nameIn = (line: string): string => line.split(" ")[0] ?? "";
const taskOf = (answer: Answer): string => nameIn("line" in answer ? answer.line : "");
const hostnameOf = ({ id }: TaskContainer): string => id.slice(0, 12);

describe.skipIf(clusterProblem())(`draining on three nodes ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  let clients: Clients;
  let client: TaskContainer;

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage("web:local", "web");
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    clients = new Clients(cluster);
    await swarm.docker("network", "create", "-d", "overlay", "net1");
    const pinned = ["--network", "net1", "--constraint", "node.hostname==node-1"];
    await swarm.start("client", 1, pinned, ["web:local", "whoami", "80"]);
    [client] = (await swarm.running("client")) as [TaskContainer];
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** By virtual IP from a container, and from outside through a node's published port. */
  const waysTo = async (service: string): Promise<readonly Way[]> => [
    { from: inside(client), host: await virtualIp(swarm, service, "net1"), port: 80 },
    { from: "outside", host: cluster.machine("node-2").address, port: 8080 },
  ];

  const whoAnswers = async ({ from, host, port }: Way, connections: number): Promise<string[]> =>
    [...new Set(lines(await clients.tcp(from, host, port, connections)).map(nameIn))].sort();

  /** Every balancer spreads over that many tasks. */
  const untilBalanced = (ways: readonly Way[], tasks: number) =>
    eventually(async () => {
      for (const way of ways) expect(await whoAnswers(way, tasks)).toHaveLength(tasks);
    });

  /** A connection to each task, by the task's hostname. */
  async function holdEach({ from, host, port }: Way, tasks: number): Promise<Map<string, Held>> {
    const held = new Map<string, Held>();
    for (let i = 0; i < tasks; i++) {
      const one = await clients.hold(from, host, port);
      held.set(taskOf(await one.next()), one);
    }
    expect(held.size).toBe(tasks);
    return held;
  }

  /** A UDP socket whose packets go to this task. */
  async function holdPackets({ from, host }: Way, task: string): Promise<Held> {
    for (let i = 0; i < 20; i++) {
      const one = await clients.hold(from, host, 9999, { protocol: "udp" });
      if (taskOf(await one.ask("who?")) === task) return one;
      await one[Symbol.asyncDispose]();
    }
    throw new Error(`no packet went to ${task}`);
  }

  const end = async (held: Iterable<Held>) => {
    for (const one of held) await one[Symbol.asyncDispose]();
  };

  describe("of a service that is scaled down, a task that ignores the stop signal", () => {
    let ways: readonly Way[];
    let leaving: TaskContainer;
    let since = 0;
    const connections: Map<string, Held>[] = [];
    const flows: (readonly [task: string, socket: Held])[][] = [];

    beforeAll(async () => {
      const flags = ["--network", "net1", "--stop-grace-period", `${graceMs}ms`, ...published];
      await swarm.start("app", 3, flags, stubborn);
      ways = await waysTo("app");
      await untilBalanced(ways, 3);
      const before = await swarm.running("app");
      for (const way of ways) {
        connections.push(await holdEach(way, 3));
        const tasks = before.map(hostnameOf);
        flows.push(await Promise.all(tasks.map(async (task) => [task, await holdPackets(way, task)] as const)));
      }
      await swarm.docker("service", "scale", "-d", "app=2");
      since = performance.now();
      const staying = await eventually(async () => {
        const wanted = await swarm.wanted("app");
        expect(wanted).toHaveLength(2);
        return wanted.map(({ ID }) => ID);
      });
      const [found] = before.filter(({ taskId }) => !staying.includes(taskId));
      if (!found) throw new Error("no task is leaving");
      leaving = found;
    });

    afterAll(() => end([...connections.flatMap((map) => [...map.values()]), ...flows.flat().map(([, held]) => held)]));

    const isRunning = async () => (await swarm.running("app")).some(({ id }) => id === leaving.id);

    test("gets no new connection, and the packets of open sockets move to another task", async () => {
      const name = hostnameOf(leaving);
      for (const [i, way] of ways.entries()) {
        await eventually(async () => expect(await whoAnswers(way, 3)).not.toContain(name), 1500, 10);
        const answers = await whoAnswers(way, 100);
        expect(answers).toHaveLength(2);
        expect(answers).not.toContain(name);
        for (const [task, socket] of flows[i] ?? []) {
          const now = taskOf(await socket.ask("who?"));
          if (task === name) expect(answers).toContain(now);
          else expect(now).toBe(task);
        }
      }
      expect(performance.now() - since).toBeLessThan(graceMs - 1000);
      expect(await isRunning()).toBe(true);
    });

    test("goes on with the connections it has until it ends, then they are over at once", async () => {
      const name = hostnameOf(leaving);
      for (const map of connections) {
        for (const held of map.values()) expect(await held.ask("still here")).toEqual({ line: "still here" });
      }
      expect(await isRunning()).toBe(true);
      const endings = connections.map(async (map) => {
        await map.get(name)?.rest();
        return performance.now();
      });
      await eventually(async () => expect(await isRunning()).toBe(false), graceMs + 5000, 50);
      const endedAt = performance.now();
      for (const at of await Promise.all(endings)) expect(at - endedAt).toBeLessThan(1000);
      for (const map of connections) {
        for (const [task, held] of map) {
          if (task !== name) expect(await held.ask("still here")).toEqual({ line: "still here" });
        }
      }
      await swarm.docker("service", "rm", "app");
    });
  });

  test("connections to a task that ends without a word are reset at their next write, others stay", async () => {
    const flags = ["--network", "net1", "--restart-condition", "none", "--publish", "8080:80"];
    await swarm.start("fragile", 2, flags, ["web:local", "whoami", "80"]);
    const ways = await waysTo("fragile");
    await untilBalanced(ways, 2);
    const held = await Promise.all(ways.map((way) => holdEach(way, 2)));
    const [victim, other] = await swarm.running("fragile");
    if (!victim || !other) throw new Error("two containers");
    for (const link of ["eth0", "eth1"]) {
      const cut = await cluster.execBeside(victim.node, victim.id, "ip", "link", "set", link, "down");
      expect(cut).toMatchObject({ code: 0 });
    }
    await cluster.engine(victim.node, "kill", victim.id);
    await eventually(async () => {
      const running = (await swarm.tasks("fragile")).filter(({ Status }) => Status.State === "running");
      expect(running).toHaveLength(1);
    });
    for (const [i, way] of ways.entries()) {
      await eventually(async () => expect(await whoAnswers(way, 4)).toEqual([hostnameOf(other)]), 1000, 10);
      const since = performance.now();
      const lost = held[i]?.get(hostnameOf(victim));
      expect(await lost?.ask("anybody?")).toMatchObject({ error: "ECONNRESET" });
      expect(performance.now() - since).toBeLessThan(1000);
      expect(await held[i]?.get(hostnameOf(other))?.ask("still here")).toEqual({ line: "still here" });
    }
    await end(held.flatMap((map) => [...map.values()]));
  });
});
