import { type Clock, systemClock } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { routesOf } from "./route-labels.ts";
import { cleanUp, startReplica, startSwarm } from "./test-replica.ts";

/** Twenty times as fast, so that a retry does not take a second. */
const hasty: Clock = {
  now: () => systemClock.now() * 20,
  after: (delayMs, callback) => systemClock.after(delayMs / 20, callback),
};

test("whatever happens, in the end all replicas and the swarm hold the last route of each service", async () => {
  const replica = fc.nat(2);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ replica, service: fc.constantFrom("a", "b"), port: fc.option(fc.nat(9)) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.nat(15) }) },
    { weight: 1, arbitrary: fc.record({ manager: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ deploy: fc.constantFrom("edge", "core") }) },
    { weight: 1, arbitrary: fc.record({ loseAnswer: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.record({ failures: fc.array(fc.constantFrom(500, 503), { maxLength: 3 }) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const swarm = await startSwarm();
      const replicas = Array.from({ length: 3 }, () => startReplica(swarm, { clock: hasty }));
      const expected = new Map<string, string>();
      for (const each of steps) {
        if ("replica" in each) {
          const name = `${each.service}${each.replica}`;
          const query = each.port === null ? undefined : `port=${each.port}`;
          if (query === undefined) expected.delete(name);
          else expected.set(name, query);
          replicas[each.replica]?.shared.change(name, query).catch(() => {});
        } else if ("wait" in each) await new Promise((resolve) => setTimeout(resolve, each.wait));
        else if ("manager" in each) swarm.isManager = each.manager;
        else if ("deploy" in each) swarm.put("proxy", { team: each.deploy });
        else if ("loseAnswer" in each) swarm.losesNextAnswer = true;
        else swarm.failures.push(...each.failures);
      }
      swarm.isManager = true;
      swarm.failures.length = 0;
      swarm.losesNextAnswer = false;
      const all = () => [routesOf(swarm.labelsOf("proxy")).routes, ...replicas.map(({ shared }) => shared.routes)];
      const sorted = (routes: ReadonlyMap<string, string>) => [...routes].sort();
      await expect
        .poll(() => all().map(sorted), { interval: 10, timeout: 8000 })
        .toEqual(all().map(() => sorted(expected)));
      await cleanUp();
    }),
    { numRuns: 50 },
  );
}, 280_000);
