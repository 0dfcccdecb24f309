import fc from "fast-check";
import { expect, test } from "vitest";
import { seen, startListener, startSwarm, startTarget } from "./test-listener.ts";

test("whatever happens in the swarm, in the end every target holds what the swarm has", async () => {
  const name = fc.constantFrom("a", "b", "c");
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ put: name, port: fc.nat(2), notify: fc.boolean(), silently: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ remove: name, silently: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ cut: fc.constant(true) }) },
    { weight: 1, arbitrary: fc.record({ manager: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ failures: fc.array(fc.constantFrom(500, 503, 404), { maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ answers: fc.array(fc.constantFrom(500, 0, 200), { maxLength: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.nat(15) }) },
  );
  const swarm = await startSwarm();
  const target = await startTarget();
  await startListener(swarm, target, { servicePollingMs: 50, nodePollingMs: 50 });
  const act = async (each: typeof step extends fc.Arbitrary<infer T> ? T : never) => {
    if ("put" in each) {
      const labels = { ...seen, "com.df.notify": String(each.notify), "com.df.port": String(each.port) };
      swarm.put(each.put, labels, { silently: each.silently });
    } else if ("remove" in each) swarm.remove(each.remove, each);
    else if ("cut" in each) swarm.endStreams();
    else if ("manager" in each) swarm.isManager = each.manager;
    else if ("failures" in each) swarm.failures.push(...each.failures);
    else if ("answers" in each) {
      const answers = [...each.answers];
      target.behave = () => ({ status: answers.shift() ?? 200 });
    } else await new Promise((resolve) => setTimeout(resolve, each.wait));
  };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      for (const each of steps) await act(each);
      swarm.isManager = true;
      swarm.failures.length = 0;
      target.behave = () => ({ status: 200 });
      const visible = [...swarm.services.values()].filter(({ Spec }) => Spec.Labels?.["com.df.notify"] === "true");
      const expected = visible.map(({ Spec }) => `${Spec.Name} ${Spec.Labels?.["com.df.port"]}`).sort();
      const known = () =>
        [...target.knows].map(([service, query]) => `${service} ${new URLSearchParams(query).get("port")}`).sort();
      await expect.poll(known, { interval: 10, timeout: 12_000 }).toEqual(expected);
    }),
    { numRuns: 25 },
  );
}, 120_000);
