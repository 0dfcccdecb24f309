import { expect, test } from "vitest";
import { Filled } from "./filled.ts";

test("it is filled when each source has told once, in whatever order", async () => {
  const filled = new Filled(["certificates", "peers", "listeners"]);
  filled.tell("peers");
  filled.tell("listeners");
  filled.tell("listeners");
  filled.tell("another");
  expect(filled.isDone).toBe(false);
  filled.tell("certificates");
  expect(filled.isDone).toBe(true);
  await filled.all;
});

test("without sources it is filled from the start", async () => {
  const filled = new Filled([]);
  expect(filled.isDone).toBe(true);
  await filled.all;
});
