import { expect, test } from "vitest";
import { backOffMs } from "./back-off.ts";

test("waits from a tenth of a second to eight, each twice the one before", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7, 100, 5000].map((failures) => backOffMs(failures, 1))).toEqual([
    100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000, 8000,
  ]);
});

test("half of the wait is chance", () => {
  expect([backOffMs(3, 0), backOffMs(3, 0.5)]).toEqual([400, 600]);
});
