import { expect, test } from "vitest";
import { nodeMatches, parseConstraints, platformMatches } from "./constraint.ts";
import type { NodeId } from "./ids.ts";
import type { Node } from "./node.ts";

const node: Node = {
  id: "n1x" as NodeId,
  version: 1,
  createdAt: "",
  updatedAt: "",
  spec: { Role: "worker", Availability: "active", Labels: { zone: "North", "com.example.Rack": "7" } },
  status: { state: "ready", addr: "192.168.0.7" },
  description: {
    Hostname: "node-1",
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: {},
    Engine: { EngineVersion: "20.10.24", Labels: { storage: "ssd" } },
  },
};
const { description: _, ...silent } = node;

const matches = (...expressions: string[]) => nodeMatches(parseConstraints(expressions), node);

test.each([
  ["node.id == n1x"],
  ["node.id==N1X"],
  ["node.id != n1"],
  ["NODE.hostname == Node-1"],
  ["node.role == worker"],
  ["node.role!=manager"],
  ["node.platform.os == Linux"],
  ["node.platform.arch == amd64"],
  ["node.platform.arch == x86_64"],
  ["node.labels.zone == north"],
  ["node.labels.com.example.Rack == 7"],
  ["node.labels.none != a"],
  ["engine.labels.storage == ssd"],
  ["node.ip == 192.168.0.7"],
  ["node.ip != 192.168.0.8"],
  ["node.ip == 192.168.0.0/24"],
  ["node.ip != 10.0.0.0/8"],
  ["node.ip != fd00::1"],
])("%s holds", (expression) => expect(matches(expression)).toBe(true));

test.each([
  ["node.id == n1"],
  ["node.platform.arch != amd64"],
  ["node.platform.arch == arm64"],
  ["node.labels.zone == nor"],
  ["node.labels.ZONE == north"],
  ["node.labels.none == a"],
  ["node.ip == 192.168.0.8"],
  ["node.ip != 192.168.0.0/24"],
  ["node.ip == 192.168.0.0/33"],
  ["node.ip != somewhere"],
  ["node.foo == bar"],
  ["node.foo != bar"],
])("%s does not hold", (expression) => expect(matches(expression)).toBe(false));

test("all constraints must hold", () => {
  expect(matches("node.role == worker", "node.labels.zone == north")).toBe(true);
  expect(matches("node.role == worker", "node.labels.zone == south")).toBe(false);
});

test("what a node has not told yet is empty", () => {
  expect(nodeMatches(parseConstraints(["node.hostname == node-1"]), silent)).toBe(false);
  expect(nodeMatches(parseConstraints(["engine.labels.storage != hdd"]), silent)).toBe(true);
});

test.each([
  ["node.id", "constraint expected one operator from ==, !="],
  ["node.id=n1", "constraint expected one operator from ==, !="],
  [" 1abc == n1", "key '1abc' is invalid"],
  ["== n1", "key '' is invalid"],
  ["node.id ==", "value '' is invalid"],
  ["node.id == a,b", "value 'a,b' is invalid"],
  ["node.id == a == b", "value 'a == b' is invalid"],
])("%s is refused", (expression, message) => expect(() => parseConstraints([expression])).toThrow(new Error(message)));

test("platforms match by either name of an architecture, and empty parts match all", () => {
  expect(
    platformMatches(
      [
        { Architecture: "arm64", OS: "linux" },
        { Architecture: "amd64", OS: "linux" },
      ],
      node,
    ),
  ).toBe(true);
  expect(platformMatches([{ OS: "linux" }], node)).toBe(true);
  expect(platformMatches([{ Architecture: "x86_64" }], node)).toBe(true);
  expect(platformMatches([{ Architecture: "amd64", OS: "windows" }], node)).toBe(false);
  expect(platformMatches([{ OS: "linux" }], silent)).toBe(false);
  expect(platformMatches([], silent)).toBe(true);
});
