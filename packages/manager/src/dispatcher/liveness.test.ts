import type { NodeId } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { gracePeriods, Liveness } from "./liveness.ts";

const a = "a" as NodeId;
const b = "b" as NodeId;

/** A clock whose process can stand still while time goes on. */
class StallingClock extends FakeClock {
  #offsetMs = 0;
  override now(): number {
    return super.now() + this.#offsetMs;
  }
  /** Nothing runs for so long; timers that fell due meanwhile come late. */
  stall(ms: number): void {
    this.#offsetMs += ms;
  }
}

function watch(periodMs = 1000) {
  const clock = new StallingClock(0);
  const said: string[] = [];
  const liveness = new Liveness({
    clock,
    periodMs,
    onSilent: (nodeId) => said.push(`${nodeId} silent at ${clock.now()}`),
    onStall: (stalledMs) => said.push(`stalled ${stalledMs}`),
  });
  liveness.start();
  return { clock, liveness, said };
}

test("a node is silent after three periods without a sign of it, and is told of once", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a);
  clock.advance(2999);
  expect(said).toEqual([]);
  clock.advance(10_000);
  expect(said).toEqual(["a silent at 3000"]);
});

test("each sign of life counts from its own time", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a);
  liveness.expect(b);
  clock.advance(2000);
  liveness.expect(a);
  clock.advance(2500);
  expect(said).toEqual(["b silent at 3000"]);
  clock.advance(500);
  expect(said).toEqual(["b silent at 3000", "a silent at 5000"]);
});

test("after this manager was away nodes have twice as long", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a, gracePeriods);
  clock.advance(5999);
  expect(said).toEqual([]);
  clock.advance(1);
  expect(said).toEqual(["a silent at 6000"]);
});

test("the grace ends with the first sign of life", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a, gracePeriods);
  liveness.expect(a);
  clock.advance(3000);
  expect(said).toEqual(["a silent at 3000"]);
});

test("a manager that stood still accuses nobody, and gives everybody a fresh start", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a);
  clock.advance(1000);
  clock.stall(60_000);
  clock.advance(2999);
  expect(said).toEqual(["stalled 60000"]);
  clock.advance(500);
  expect(said).toEqual(["stalled 60000", "a silent at 64250"]);
});

test("a clock that is set back accuses nobody", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a);
  clock.advance(1000);
  clock.stall(-3_600_000);
  clock.advance(2000);
  expect(said).toEqual(["stalled -3600000"]);
});

test("a new period counts from when it was set", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a);
  clock.advance(2900);
  liveness.setPeriod(100);
  clock.advance(299);
  expect(said).toEqual([]);
  clock.advance(1);
  expect(said).toEqual(["a silent at 3200"]);
});

test("who is forgotten is not missed, and closing leaves no timer", () => {
  const { clock, liveness, said } = watch();
  liveness.expect(a);
  liveness.forget(a);
  clock.advance(10_000);
  expect(said).toEqual([]);
  liveness.close();
  expect(clock.pending).toBe(0);
});
