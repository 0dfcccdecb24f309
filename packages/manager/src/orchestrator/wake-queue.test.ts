import fc from "fast-check";
import { expect, test } from "vitest";
import { WakeQueue } from "./wake-queue.ts";

test("gives back what is due, the earliest first, with the last time set for each key", () => {
  const sets = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.option(fc.nat(20), { nil: undefined })));
  fc.assert(
    fc.property(sets, fc.nat(20), (calls, now) => {
      const queue = new WakeQueue<string>();
      for (const [key, at] of calls) queue.set(key, key, at);
      const last = [...new Map(calls)].flatMap(([key, at]) => (at === undefined ? [] : [{ key, at }]));
      const due = last.filter(({ at }) => at <= now);
      expect(queue.next()).toBe(last.length > 0 ? Math.min(...last.map(({ at }) => at)) : undefined);
      const taken = queue.take(now);
      expect(taken.toSorted()).toEqual(due.map(({ key }) => key).sort());
      const times = taken.map((key) => due.find((each) => each.key === key)?.at ?? Number.NaN);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(queue.take(now)).toEqual([]);
      expect(queue.take(Number.POSITIVE_INFINITY)).toHaveLength(last.length - due.length);
    }),
  );
});
