import type { NodeId } from "@skep/model";
import { expect, test } from "vitest";
import { globalService, node, plan, type TaskOptions, task, template } from "./test-data.ts";

const on = (id: string, more: TaskOptions = {}) => task({ id: `t-${id}`, slot: 0, node: id, ...more });
const everywhere = ["n1", "n2", "n3"].map((id) => on(id));

test("makes one task on each node that is ready and active", () => {
  const nodes = [
    node("n1", { availability: "pause" }),
    node("n2", { availability: "drain" }),
    node("n4", { state: "down" }),
    node("n5", { state: "unknown" }),
  ];
  expect(plan(globalService(), [], { nodes })).toEqual(["+ node n3 (replica)"]);
});

test("leaves out nodes that do not satisfy constraints or platform", () => {
  const labelled = [node("n2", { labels: { disk: "ssd" } })];
  const ssd = template({ Placement: { Constraints: ["node.labels.disk==ssd"] } });
  expect(plan(globalService({ spec: { TaskTemplate: ssd } }), [], { nodes: labelled })).toEqual([
    "+ node n2 (replica)",
  ]);
  const arm = template({ Placement: { Platforms: [{ Architecture: "arm64", OS: "linux" }] } });
  expect(plan(globalService({ spec: { TaskTemplate: arm } }), [])).toEqual([]);
});

test("a new node gets a task, a removed one's are deleted", () => {
  expect(plan(globalService(), [...everywhere, on("gone")], { nodes: [node("n4")] })).toEqual([
    "+ node n4 (replica)",
    "x task t-gone",
  ]);
});

test("a drained node's task ends and nothing follows it until the node is active again", () => {
  const nodes = [node("n1", { availability: "drain" })];
  expect(plan(globalService(), everywhere, { nodes })).toEqual(["- task t-n1 (node-drained)"]);
  const ended = on("n1", { desired: "shutdown", state: "shutdown" });
  expect(plan(globalService(), [ended, ...everywhere.slice(1)], { nodes })).toEqual([]);
  expect(plan(globalService(), [ended, ...everywhere.slice(1)])).toEqual(["+ node n1 (replica)"]);
  const ending = on("n1", { desired: "shutdown" });
  expect(plan(globalService(), [ending, ...everywhere.slice(1)])).toEqual(["+ node n1 (replica, ready)"]);
});

test("a node that no longer suits loses its task", () => {
  const ssd = template({ Placement: { Constraints: ["node.labels.disk!=hdd"] } });
  const tasks = everywhere.map((each) => ({ ...each, spec: ssd }));
  const nodes = [node("n1", { labels: { disk: "hdd" } })];
  expect(plan(globalService({ spec: { TaskTemplate: ssd } }), tasks, { nodes })).toEqual([
    "- task t-n1 (node-unsuitable)",
  ]);
});

test("a node that is down or paused keeps its task", () => {
  const nodes = [node("n1", { state: "down" }), node("n2", { availability: "pause" })];
  expect(plan(globalService(), everywhere, { nodes })).toEqual([]);
});

test("a task that failed is restarted on its node", () => {
  const [first, ...others] = everywhere;
  expect(plan(globalService(), [on("n1", { state: "failed" }), ...others])).toEqual([
    "+ node n1 (restart, ready)",
    "- task t-n1 (ended)",
  ]);
  expect(first?.nodeId).toBe("n1" as NodeId);
});

test("a node whose task is done and may not be restarted gets no other", () => {
  const spec = template({ RestartPolicy: { Condition: "on-failure" } });
  const done = on("n1", { spec, state: "complete", desired: "shutdown" });
  const others = everywhere.slice(1).map((each) => ({ ...each, spec }));
  expect(plan(globalService({ spec: { TaskTemplate: spec } }), [done, ...others])).toEqual([]);
});

test("an update goes over the nodes one by one, and ends outdated tasks on nodes that are down", () => {
  const of = globalService({ specVersion: 2, spec: { TaskTemplate: template({ ForceUpdate: 1 }) } });
  expect(plan(of, everywhere, { nodes: [node("n3", { state: "down" })] })).toEqual([
    "= updating: update in progress",
    "+ node n1 (update, ready)",
    "- task t-n1 (outdated)",
    "- task t-n3 (outdated)",
  ]);
});
