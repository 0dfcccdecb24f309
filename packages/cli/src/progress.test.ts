import { expect, test } from "vitest";
import { showProgress } from "./progress.ts";

/** Collects what is written, and a clock that goes on by half a second with each look at it. */
function screen(isTTY: boolean) {
  const written: string[] = [];
  let now = 0;
  const clock = { now: () => (now += 500), after: () => () => {} };
  return { written, clock, output: { isTTY, write: (text: string) => written.push(text) } };
}

test("without a terminal each step is a line of its own", () => {
  const { written, clock, output } = screen(false);
  const progress = showProgress(output, ["node-1"], clock);
  progress.step("node-1", "engine");
  progress.step("node-1", "running");
  expect(written.join("")).toBe("node-1: engine (0.5 s)\nnode-1: running (1.0 s)\n");
});

test("on a terminal the list is rewritten in place", () => {
  const { written, clock, output } = screen(true);
  const progress = showProgress(output, ["node-1", "n2"], clock);
  progress.step("n2", "engine");
  expect(written.join("").replaceAll("\x1b", "^")).toBe(
    "^[2Knode-1  waiting\n^[2Kn2      waiting\n^[2A^[2Knode-1  waiting\n^[2Kn2      engine (0.5 s)\n",
  );
});
