import type { RestartPolicy } from "@skep/model";
import { expect, test } from "vitest";
import { wakeAtOf } from "./plan.ts";
import { now, plan, planOf, second, service, type TaskOptions, task, template } from "./test-data.ts";

const failed = (more: TaskOptions = {}) => task({ id: "old", state: "failed", ranAgo: 10_000, ...more });
const withPolicy = (policy: RestartPolicy) => {
  const spec = template({ RestartPolicy: policy });
  return { of: service(1, { spec: { TaskTemplate: spec } }), spec };
};

test("a task that failed is followed by one that is prepared now, and started after the delay", () => {
  expect(plan(service(1), [failed()])).toEqual(["+ slot 1 (restart, ready)", "- task old (ended)"]);
  const next = task({ id: "new", state: "ready", desired: "ready", cause: "restart", madeAgo: 4_999 });
  const waiting = planOf(service(1), [next, failed({ desired: "shutdown" })]);
  expect(wakeAtOf(waiting)).toBe(now + 1);
  expect(plan(service(1), [{ ...next, createdAt: new Date(now - 5_000).toISOString() }])).toEqual(["> task new"]);
});

test("a delay of zero starts at once", () => {
  const { of, spec } = withPolicy({ Delay: 0 });
  expect(plan(of, [failed({ spec })])).toEqual(["+ slot 1 (restart)", "- task old (ended)"]);
});

test("on-failure restarts what failed or was refused, not what completed", () => {
  const { of, spec } = withPolicy({ Condition: "on-failure" });
  expect(plan(of, [failed({ spec })])).toHaveLength(2);
  expect(plan(of, [failed({ spec, state: "rejected" })])).toHaveLength(2);
  expect(plan(of, [failed({ spec, state: "complete" })])).toEqual(["- task old (ended)"]);
});

test("none restarts nothing", () => {
  const { of, spec } = withPolicy({ Condition: "none" });
  expect(plan(of, [failed({ spec })])).toEqual(["- task old (ended)"]);
  expect(plan(of, [failed({ spec, desired: "shutdown" })])).toEqual([]);
});

test("three attempts make four tasks in all", () => {
  const { of, spec } = withPolicy({ MaxAttempts: 3 });
  const history = [4, 3, 2].map((i) =>
    failed({ id: `t${i}`, spec, desired: "shutdown", madeAgo: i * 10_000, cause: i === 4 ? "replica" : "restart" }),
  );
  const last = failed({ spec, madeAgo: 10_000, cause: "restart" });
  expect(plan(of, [last, ...history])).toEqual(["- task old (ended)"]);
  expect(plan(of, [last, ...history.slice(0, -1)])).toEqual(["+ slot 1 (restart, ready)", "- task old (ended)"]);
});

test("a new version of the service counts attempts anew", () => {
  const { of, spec } = withPolicy({ MaxAttempts: 1 });
  const before = failed({ id: "before", spec, desired: "shutdown", cause: "restart", madeAgo: 90_000 });
  expect(plan({ ...of, specVersion: 2 }, [failed({ spec, specVersion: 2 }), before])).toContain(
    "+ slot 1 (restart, ready)",
  );
});

test("with a window only the restarts within it count", () => {
  const { of, spec } = withPolicy({ MaxAttempts: 1, Window: 30 * second });
  const restarted = (madeAgo: number) => failed({ spec, cause: "restart", madeAgo });
  expect(plan(of, [restarted(30_001)])).toContain("+ slot 1 (restart, ready)");
  expect(plan(of, [restarted(29_999)])).toEqual(["- task old (ended)"]);
});

test("a replacement that fails before its start is due is followed no sooner than that", () => {
  const waiting = failed({ state: "rejected", desired: "ready", cause: "restart", madeAgo: 1_000 });
  const early = planOf(service(1), [waiting]);
  expect(early.slots.flatMap(({ steps }) => steps)).toEqual([]);
  expect(wakeAtOf(early)).toBe(now + 4_000);
  const due = failed({ state: "rejected", desired: "ready", cause: "restart", madeAgo: 5_000 });
  expect(plan(service(1), [due])).toEqual(["+ slot 1 (restart, ready)", "- task old (ended)"]);
});

test("a replacement waits for its predecessor to stop, but not longer than a minute", () => {
  const old = task({ id: "old", desired: "shutdown", madeAgo: 100_000 });
  const next = (madeAgo: number) => task({ id: "new", state: "ready", desired: "ready", cause: "update", madeAgo });
  expect(plan(service(1), [next(59_999), old])).toEqual([]);
  expect(wakeAtOf(planOf(service(1), [next(59_999), old]))).toBe(now + 1);
  expect(plan(service(1), [next(60_000), old])).toEqual(["> task new"]);
  const stopped = task({ id: "old", desired: "shutdown", state: "shutdown", madeAgo: 100_000 });
  expect(plan(service(1), [next(1_000), stopped])).toEqual(["> task new"]);
});

test("of two tasks that could both run, the one that is further stays", () => {
  const tasks = [task({ id: "late", state: "starting", madeAgo: 1_000 }), task({ id: "runs" })];
  expect(plan(service(1), tasks)).toEqual(["- task late (surplus)"]);
});
