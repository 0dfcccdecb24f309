import { expect, test } from "vitest";
import { node, plan, service, task, template } from "./test-data.ts";

const old = (count: number, more: Parameters<typeof task>[0] = {}) =>
  Array.from({ length: count }, (_, i) =>
    task({ id: `old${i + 1}`, state: "failed", desired: "shutdown", madeAgo: 100_000 + i * 1_000, ...more }),
  );

test("keeps as many tasks a slot as the cluster says, the current one included", () => {
  expect(plan(service(1), [task(), ...old(4)])).toEqual([]);
  expect(plan(service(1), [task(), ...old(6)])).toEqual(["x task old5", "x task old6"]);
});

test("a limit of zero keeps the current task only, and a negative one everything", () => {
  expect(plan(service(1), [task(), ...old(1)], { historyLimit: 0 })).toEqual(["x task old1"]);
  expect(plan(service(1), [task(), ...old(9)], { historyLimit: -1 })).toEqual([]);
});

test("a limited number of attempts keeps them all, so that they can be counted", () => {
  const spec = template({ RestartPolicy: { MaxAttempts: 7 } });
  const of = service(1, { spec: { TaskTemplate: spec } });
  expect(plan(of, [task({ spec }), ...old(8, { spec })])).toEqual(["x task old8"]);
});

test("what may still be running is not forgotten", () => {
  const stopping = task({ id: "stopping", desired: "shutdown", madeAgo: 90_000 });
  expect(plan(service(1), [task(), stopping], { historyLimit: 1 })).toEqual([]);
  const lost = task({ id: "lost", node: "n2", desired: "shutdown", madeAgo: 90_000 });
  expect(plan(service(1), [task(), lost], { historyLimit: 1, nodes: [node("n2", { state: "down" })] })).toEqual([]);
});

test("the last task of a slot that may not be restarted stays, or the slot would be filled again", () => {
  const spec = template({ RestartPolicy: { Condition: "none" } });
  const of = service(1, { spec: { TaskTemplate: spec } });
  expect(plan(of, old(1, { spec }), { historyLimit: 0 })).toEqual([]);
});

test("a replaced task is deleted in the step that replaces it when no history is kept", () => {
  expect(plan(service(1), [task({ id: "t1", state: "failed" })], { historyLimit: 1 })).toEqual([
    "+ slot 1 (restart, ready)",
    "x task t1",
  ]);
});

test("a task that should have stopped becomes orphaned when its node has been down for a day", () => {
  const silent = task({ id: "silent", node: "n2", desired: "shutdown", madeAgo: 90_000 });
  const dead = { nodes: [node("n2", { state: "down", downForMs: 24 * 3_600_000 })] };
  expect(plan(service(1), [task(), silent], dead)).toEqual(["- task silent (orphaned)"]);
  expect(plan(undefined, [silent], dead)).toEqual(["x task silent"]);
});
