import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";

test("timers run in order of their due time, then of their setting, each at its own time", () => {
  const clock = new FakeClock(0);
  const seen: string[] = [];
  const note = (name: string) => () => seen.push(`${name}@${clock.now()}`);
  clock.after(20, note("late"));
  clock.after(10, note("first"));
  clock.after(10, note("second"));
  clock.after(30, note("never"));
  clock.advance(25);
  expect(seen).toEqual(["first@10", "second@10", "late@20"]);
  expect(clock.now()).toBe(25);
  expect(clock.nextInMs).toBe(5);
});

test("a timer set by a timer runs in the same advance when it falls due", () => {
  const clock = new FakeClock(0);
  const ticks: number[] = [];
  const tick = () => {
    ticks.push(clock.now());
    clock.after(10, tick);
  };
  clock.after(10, tick);
  clock.advance(35);
  expect(ticks).toEqual([10, 20, 30]);
});

test("a cancelled timer does not run", () => {
  const clock = new FakeClock(0);
  const cancel = clock.after(10, () => expect.unreachable());
  cancel();
  clock.advance(100);
  expect(clock.pending).toBe(0);
});

test("advanceAsync lets promises settle between timers", async () => {
  const clock = new FakeClock(0);
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const seen: number[] = [];
  const run = (async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(10);
      seen.push(clock.now());
    }
  })();
  await clock.advanceAsync(30);
  expect(seen).toEqual([10, 20, 30]);
  await run;
});
