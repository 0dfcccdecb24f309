import { type Clock, silentLogger, systemClock } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ListenerMetrics } from "./listener-metrics.ts";
import { Notifier, type Subject } from "./notifier.ts";
import { existing, TestTarget } from "./test-target.ts";

test("whatever happens, in the end every target holds what exists", async () => {
  using first = await TestTarget.start();
  using second = await TestTarget.start();
  const targets = [first, second];
  const name = fc.constantFrom("a", "b", "c");
  const answer = fc.constantFrom(200, 500, 0);
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ set: name, port: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ gone: name }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.nat(6) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        answers: fc.array(fc.record({ status: answer, ms: fc.nat(8) }), { minLength: 2, maxLength: 12 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ resend: fc.constant(true) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const services = new Map<string, number>();
      const all = () => existing(...[...services].map(([service, port]) => `${service}:${port}`));
      // A clock that runs a thousand times as fast: 5 s between retries are 5 ms, and those after the last one 60 ms.
      const endpoints = targets.map(({ endpoint }) => endpoint);
      const options = { endpoints, retries: 2, retryIntervalMs: 5000, clock: hasty, log: silentLogger } as const;
      const notifier = new Notifier({ ...options, kind: "service", metrics: new ListenerMetrics() });
      for (const each of steps) {
        if ("set" in each) services.set(each.set, each.port);
        else if ("gone" in each) services.delete(each.gone);
        else if ("wait" in each) await new Promise((resolve) => setTimeout(resolve, each.wait));
        else if ("resend" in each) notifier.resend();
        else {
          const answers = each.answers;
          for (const target of targets) target.behave = () => answers.shift() ?? { status: 200 };
        }
        notifier.reconcile(all());
      }
      for (const target of targets) target.behave = () => ({ status: 200 });
      await settled(targets, all());
      notifier.reconcile(new Map());
      await settled(targets, new Map());
      notifier[Symbol.dispose]();
    }),
    { numRuns: 30 },
  );
}, 120_000);

/** Late effects of cancelled calls have come, and were put right. */
async function settled(targets: readonly TestTarget[], existing: ReadonlyMap<string, Subject>): Promise<void> {
  const expected = [...existing].map(([service, { create }]) => [service, create]).sort();
  await new Promise((resolve) => setTimeout(resolve, 60));
  for (const { knows } of targets) {
    await expect.poll(() => [...knows].sort(), { interval: 5, timeout: 3000 }).toEqual(expected);
  }
}

const hasty: Clock = {
  now: () => systemClock.now() * 1000,
  after: (delayMs, callback) => systemClock.after(delayMs / 1000, callback),
};
