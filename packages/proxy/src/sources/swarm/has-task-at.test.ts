import { expect, test } from "vitest";
import { hasTaskAt } from "./has-task-at.ts";
import type { Filters } from "./swarm-client.ts";
import type { TaskObject } from "./swarm-objects.ts";

const never = new AbortController().signal;
const task = (state: string, ...Addresses: readonly string[]): TaskObject => ({
  ...{ ID: "t1", ServiceID: "id-proxy", DesiredState: "running", Status: { State: state } },
  NetworksAttachments: Addresses.map((address) => ({ Addresses: [address] })),
});

test.each([
  ["10.0.1.3", true],
  ["10.0.2.3", true],
  ["10.0.1.30", false],
  ["10.0.1", false],
])("a task that starts, or waits for an address: %s is one of its own: %s", async (address, expected) => {
  const asked: Filters[] = [];
  const tasks = async (filters: Filters) => {
    asked.push(filters);
    return [task("pending"), task("starting", "10.0.1.3/24", "10.0.2.3/24")];
  };
  expect(await hasTaskAt({ tasks }, "proxy", address, never)).toBe(expected);
  expect(asked).toEqual([{ service: ["proxy"], "desired-state": ["running"] }]);
});
