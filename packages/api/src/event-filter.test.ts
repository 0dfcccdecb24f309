import { expect, test } from "vitest";
import type { ClusterEvent } from "./cluster-event.ts";
import { matchesEventFilters } from "./event-filter.ts";

const event: ClusterEvent = {
  Type: "service",
  Action: "update",
  Actor: { ID: "abc123", Attributes: { name: "web", "replicas.new": "3" } },
  scope: "swarm",
  time: 1,
  timeNano: 1e9,
};

test.each([
  [{}, true],
  [{ type: ["service", "node"] }, true],
  [{ type: ["node"] }, false],
  [{ event: ["update"] }, true],
  [{ event: ["create"] }, false],
  [{ scope: ["swarm"] }, true],
  [{ scope: ["local"] }, false],
  [{ service: ["we"] }, true],
  [{ service: ["abc"] }, true],
  [{ service: ["other"] }, false],
  [{ container: ["web"] }, true],
  [{ node: ["n1"] }, false],
  [{ label: ["replicas.new"] }, true],
  [{ label: ["replicas.new=3", "name=web"] }, true],
  [{ label: ["replicas.new=3", "name=other"] }, false],
  [{ image: ["nginx"] }, false],
  [{ type: ["service"], event: ["create"] }, false],
])("by %j an event passes: %s", (filters, passes) => {
  expect(matchesEventFilters(event, new Map(Object.entries(filters)))).toBe(passes);
});
