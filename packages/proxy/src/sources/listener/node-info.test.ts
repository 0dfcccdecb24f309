import { expect, test } from "vitest";
import type { SwarmService, TaskObject } from "../swarm/swarm-objects.ts";
import { nodeInfoOf } from "./node-info.ts";

const service: SwarmService = {
  ...{ id: "s1", name: "web", version: 1, replicas: 2, image: "", updateState: "", monitorMs: 5000 },
  labels: { "com.df.scrapeNetwork": "monitor" },
};
const hostnames = new Map([
  ["n1", "node-1"],
  ["n2", "node-2"],
]);
const task = (node: string, ...networks: readonly [string, string][]): TaskObject => ({
  ...{ ID: node, ServiceID: "s1", NodeID: node, DesiredState: "running", Status: { State: "running" } },
  NetworksAttachments: networks.map(([Name, address]) => ({ Network: { Spec: { Name } }, Addresses: [address] })),
});

test("names node, address on the scrape network and node id of each task, always in one order", () => {
  const tasks = [
    task("n2", ["monitor", "10.0.1.4/24"]),
    task("n1", ["web", "10.0.9.3/24"], ["monitor", "10.0.1.3/24"]),
  ];
  const expected = [
    ["node-1", "10.0.1.3", "n1"],
    ["node-2", "10.0.1.4", "n2"],
  ];
  expect(nodeInfoOf(service, tasks, hostnames, true)).toEqual(expected);
  expect(nodeInfoOf(service, tasks.reverse(), hostnames, true)).toEqual(expected);
});

test("goes through JSON and back", () => {
  const info = nodeInfoOf(service, [task("n1", ["monitor", "10.0.1.3/24"])], hostnames, true);
  expect(JSON.parse(JSON.stringify(info))).toEqual([["node-1", "10.0.1.3", "n1"]]);
});

test("without addresses each node is named once", () => {
  expect(nodeInfoOf(service, [task("n1"), task("n1")], hostnames, false)).toEqual([["node-1", "", "n1"]]);
});

test("tasks without an address there, or on an unknown node, are left out", () => {
  const tasks = [task("n1", ["web", "10.0.9.3/24"]), task("n3", ["monitor", "10.0.1.5/24"])];
  expect(nodeInfoOf(service, tasks, hostnames, true)).toBeUndefined();
});
