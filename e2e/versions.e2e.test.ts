import { setTimeout as sleep } from "node:timers/promises";
import { requestOver } from "@skep/machine";
import { Cluster } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clusterProblem, Operator } from "./operator.ts";
import { Expected, peerMac } from "./versions/expected.ts";
import { NodeWatch } from "./versions/node-watch.ts";
import { observedLines } from "./versions/observed.ts";
import { RandomSteps, seeded } from "./versions/random-steps.ts";
import { readSwarm, type SwarmState, unrest } from "./versions/swarm-state.ts";

// SKEP_STEPS and SKEP_SEED choose how long the walk is, and which one.

const steps = Number(process.env.SKEP_STEPS ?? 500);
const seed = Number(process.env.SKEP_SEED ?? Date.now() % 1_000_000);
const settleMs = 30_000;
/** A container's end is told to the manager first, then its interfaces go. */
const localMs = 1_000;

describe.skipIf(clusterProblem())(`versions of three nodes' networks ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let swarm: Operator;
  const watches = new Map<string, NodeWatch>();
  const pids = new Map<string, number>();
  const indices = new Map<string, number>();
  let late = 0;

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage();
    await cluster.formSwarm();
    swarm = new Operator(cluster);
    for (const node of cluster.names) watches.set(node, new NodeWatch(cluster, node));
    await learnIndices();
  });

  afterAll(async () => {
    for (const watch of watches.values()) watch[Symbol.dispose]();
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** The manager numbers the nodes; everybody must have the same numbers from then on. */
  async function learnIndices(): Promise<void> {
    await settled(new Set());
    for (const watch of watches.values()) {
      const { routers } = await watch.dump({ questions: [] });
      const { map } = routers["skep-gw"]?.nft.find((entry) => entry.map?.name === "peer") ?? {};
      for (const element of map?.elem ?? []) {
        const [mac, index] = element as [string, number];
        const machine = cluster.machines.find(({ address }) => peerMac(address) === mac);
        if (machine) indices.set(machine.address, index);
      }
    }
    expect(new Set(indices.values()).size).toBe(cluster.names.length);
  }

  /** The swarm as it is when it has come to rest, everywhere but on the nodes that are away. */
  async function settled(away: ReadonlySet<string>): Promise<SwarmState> {
    const deadline = Date.now() + settleMs;
    for (;;) {
      const state = await readSwarm(swarm).catch((error) => `${error}`);
      const reason = typeof state === "object" ? unrest(state, away) : (state ?? "the store is being written to");
      if (typeof state === "object" && reason === undefined) return state;
      if (Date.now() > deadline) throw new Error(`not settled within ${settleMs} ms: ${reason}`);
      await sleep(15);
    }
  }

  async function pidOf(node: string, container: string): Promise<number> {
    const known = pids.get(container);
    if (known) return known;
    const { body } = await requestOver(cluster.machine(node).paths.engineSocket, `/v1.41/containers/${container}/json`);
    const pid = Number(JSON.parse(body).State.Pid);
    pids.set(container, pid);
    return pid;
  }

  /** What differs between the model and each node that can be reached. */
  async function differences(state: SwarmState, away: ReadonlySet<string>): Promise<string[]> {
    const expected = new Expected(state, indices);
    const owned = expected.owned();
    const twice = owned.filter((one, i) => owned.indexOf(one) !== i).map((one) => `address owned twice: ${one}`);
    const nodes = state.nodes.filter(({ Description }) => !away.has(Description.Hostname));
    const found = await Promise.all(
      nodes.map(async (node) => {
        const { Hostname } = node.Description;
        const questions = expected.questions(node);
        const asked = await Promise.all(
          questions.map(async ({ container, names }) => ({
            pid: await pidOf(Hostname, container),
            names: [...names.keys()],
          })),
        );
        const dump = await watches.get(Hostname)?.dump({ questions: asked });
        if (!dump) return [`${Hostname}: no answer`];
        const wanted = [...expected.lines(node)];
        const seen = observedLines(dump);
        for (const [i, { task, names }] of questions.entries()) {
          const answers = dump.answers[i] ?? [];
          if (typeof answers === "string") seen.push(`dns of ${task}: ${answers}`);
          else for (const { name, addresses } of answers) seen.push(dnsLine(task, name, addresses));
          for (const [name, addresses] of names) wanted.push(dnsLine(task, name, addresses));
        }
        return difference(wanted, seen).map((line) => `${line[0]} ${Hostname} ${line.slice(2)}`);
      }),
    );
    return [...twice, ...found.flat()];
  }

  /** Compares at one revision; what is on its way out of a node has a moment for it. */
  async function compare(away: ReadonlySet<string>): Promise<{ readonly differs: string[]; readonly tookMs: number }> {
    const since = performance.now();
    let deadline = Infinity;
    for (let tries = 0; ; tries++) {
      const state = await settled(away);
      const tookMs = performance.now() - since;
      const differs = await differences(state, away);
      if (differs.length === 0) return { differs, tookMs };
      if (tries === 0) {
        late++;
        deadline = Date.now() + localMs;
      } else if (Date.now() > deadline) return { differs, tookMs };
      await sleep(30);
    }
  }

  test(
    `after each of ${steps} random steps every node has what the swarm's state says (SKEP_SEED=${seed})`,
    async () => {
      const walk = new RandomSteps(swarm, seeded(seed));
      const before = await compare(walk.away);
      expect(before.differs).toEqual([]);
      const taken: string[] = [];
      const times: number[] = [];
      const check = async () => {
        try {
          const { differs, tookMs } = await compare(walk.away);
          times.push(tookMs);
          if (differs.length === 0) return;
          throw new Error(`${differs.length} differences:\n${differs.slice(0, 60).join("\n")}`);
        } catch (error) {
          const history = taken.slice(-15).join("\n  ");
          throw new Error(`seed ${seed}, step ${taken.length}: ${(error as Error).message}\nafter\n  ${history}`);
        }
      };
      for (let i = 0; i < steps; i++) {
        taken.push(await walk.step());
        await check();
      }
      taken.push("end");
      await walk.end();
      await check();
      await walk.removeNetworks();
      taken.push("networks removed");
      await check();
      times.sort((a, b) => a - b);
      const at = (share: number) => Math.round(times[Math.floor(times.length * share)] ?? 0);
      console.info(`seed ${seed}: settled in ${at(0.5)} ms (p50), ${at(0.99)} ms (p99); ${late} times not at once`);
    },
    60_000 + steps * 2_000,
  );
});

/** An empty answer and a refusal both are none. */
const dnsLine = (task: string, name: string, addresses: readonly string[]) =>
  `dns at ${task.slice(0, 6)}: ${name} → ${addresses.filter((address) => /^[\d.]+$/.test(address)).join(" ")}`;

function difference(wanted: readonly string[], seen: readonly string[]): string[] {
  const count = (lines: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const line of lines) counts.set(line.trim(), (counts.get(line.trim()) ?? 0) + 1);
    return counts;
  };
  const [left, right] = [count(wanted), count(seen)];
  return [
    ...[...left].filter(([line, n]) => (right.get(line) ?? 0) < n).map(([line]) => `- ${line}`),
    ...[...right].filter(([line, n]) => (left.get(line) ?? 0) < n).map(([line]) => `+ ${line}`),
  ];
}
