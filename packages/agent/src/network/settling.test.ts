import { silentLogger, type TaskId } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { Settling } from "./settling.ts";

test("a stop waits for the balancers, and for what they have sent before", async () => {
  const clock = new FakeClock();
  const told = Promise.withResolvers<void>();
  const settling = new Settling({ calls: { settle: () => told.promise }, clock, log: silentLogger });
  let isOver = false;
  const withdrawn = settling.withdraw("t1" as TaskId).then(() => {
    isOver = true;
  });
  await clock.advanceAsync(1000);
  expect(isOver).toBe(false);
  told.resolve();
  await clock.advanceAsync(50);
  expect(isOver).toBe(false);
  await clock.advanceAsync(50);
  await withdrawn;
});
