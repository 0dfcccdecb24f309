import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { Burst } from "./burst.ts";

/** A clock, and a burst whose ends are counted. */
function counted() {
  const clock = new FakeClock();
  const burst = new Burst(clock, { quietMs: 2, atMostMs: 50 });
  const ends: number[] = [];
  const startMs = clock.now();
  const wait = async () => {
    await burst.over();
    ends.push(clock.now() - startMs);
  };
  return { clock, burst, ends, wait };
}

test("a burst is over once it has been quiet for a moment", async () => {
  const { clock, burst, ends, wait } = counted();
  void wait();
  burst.note();
  await clock.advanceAsync(1);
  burst.note();
  await clock.advanceAsync(10);
  expect(ends).toEqual([3]);
});

test("a burst without a pause ends all the same, and the next one starts anew", async () => {
  const { clock, burst, ends, wait } = counted();
  void wait().then(wait);
  for (let ms = 0; ms < 120; ms++) {
    burst.note();
    await clock.advanceAsync(1);
  }
  expect(ends).toEqual([50, 100]);
});

test("a burst that ended before anyone waited is not lost", async () => {
  const { clock, burst, ends, wait } = counted();
  burst.note();
  await clock.advanceAsync(10);
  await wait();
  expect(ends).toEqual([10]);
});

test("closing ends the wait and leaves no timer, nor does a note that comes late", async () => {
  const { clock, burst, ends, wait } = counted();
  burst.note();
  const waiting = wait();
  burst.close();
  await waiting;
  expect(ends).toEqual([0]);
  burst.note();
  expect(clock.pending).toBe(0);
});
