import { Cluster } from "@skep/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./cluster-helpers.ts";
import { clusterProblem, Operator } from "./operator.ts";
import { difference } from "./versions/difference.ts";
import { RandomSteps, seeded } from "./versions/random-steps.ts";
import { type Comparison, SwarmWatch } from "./versions/swarm-watch.ts";

// SKEP_STEPS is how long the walk is, SKEP_SEED which one it is. The whole of it, four to ten minutes:
//   SKEP_STEPS=500 npx vitest run --project 'e2e*' e2e/versions.e2e.test.ts

const steps = Number(process.env.SKEP_STEPS ?? 120);
const seed = Number(process.env.SKEP_SEED ?? Date.now() % 1_000_000);

describe.skipIf(clusterProblem())(`versions of three nodes' networks ${clusterProblem() ?? ""}`, () => {
  let cluster: Cluster;
  let walk: RandomSteps;
  let watch: SwarmWatch;
  let beginning: readonly string[];
  const taken: string[] = [];
  const comparisons: Comparison[] = [];

  beforeAll(async () => {
    cluster = await Cluster.create();
    await cluster.importTestImage();
    await cluster.formSwarm();
    const swarm = new Operator(cluster);
    watch = await SwarmWatch.of(swarm);
    walk = new RandomSteps(swarm, seeded(seed));
    beginning = await watch.everything();
  });

  afterAll(async () => {
    console.info(summary());
    watch?.[Symbol.dispose]();
    await cluster?.[Symbol.asyncDispose]();
    expect(await cluster?.leftovers()).toEqual([]);
  });

  /** Everything is as the API says, after a step that is told when it is not. */
  async function check(step: string): Promise<void> {
    taken.push(step);
    const compared = await watch.compare(walk.away).catch((error) => error as Error);
    const problem = compared instanceof Error ? compared.message : compared.differs.slice(0, 60).join("\n");
    if (problem) {
      const history = taken.slice(-15).join("\n  ");
      throw new Error(
        `seed ${seed}, step ${taken.length - 1}:\n${problem}\nafter\n  ${history}\n${await watch.logs()}`,
      );
    }
    comparisons.push(compared as Comparison);
  }

  test(
    `after each of ${steps} random steps every node has what the swarm's state says (SKEP_SEED=${seed})`,
    async () => {
      await check("begin");
      for (let i = 0; i < steps; i++) await check(await walk.step());
    },
    60_000 + steps * 5_000,
  );

  test("once everything is removed each node is as it was at first", async () => {
    await walk.removeServices();
    await check("services removed");
    await walk.removeNetworks();
    await check("networks removed");
    await eventually(async () => expect(difference(beginning, await watch.everything())).toEqual([]));
  });

  function summary(): string {
    const times = comparisons.map(({ settledMs }) => Math.round(settledMs)).toSorted((a, b) => a - b);
    const at = (share: number) => times[Math.floor((times.length - 1) * share)];
    const passing = comparisons.filter((one) => one.passing.length > 0);
    return [
      `seed ${seed}: at rest after ${at(0.5)} ms (p50), ${at(0.99)} ms (p99); ${passing.length} times not at once`,
      ...passing.map((one) => one.passing.slice(0, 4).join("; ")),
    ].join("\n  ");
  }
});
