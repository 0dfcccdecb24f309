import { expect, test } from "vitest";
import { inProcessApi, recorded } from "../../test/in-process-api.ts";
import { clusterOfRecording, nodeOf, serviceOf, taskOf } from "../../test/recorded-swarm.ts";

const shown = recorded("objects");

/** The same keys in the same order, whatever the store counts and dates. */
const unwritten = ({ Version, CreatedAt, UpdatedAt, ...rest }: Record<string, unknown>) => {
  expect(Version).toEqual({ Index: expect.any(Number) });
  expect([CreatedAt, UpdatedAt]).toEqual([expect.stringMatching(rfc3339), expect.stringMatching(rfc3339)]);
  return JSON.stringify(rest, undefined, 1);
};
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

test.for(["task", "taskGlobal", "tasksPending", "tasksUnhealthy"])("shows a task as Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("task", taskOf(shown[name])));
  const { body } = await api.call("GET", `/tasks/${shown[name].ID}`);
  expect(unwritten(body)).toEqual(unwritten(shown[name]));
});

test.for(["manager", "worker", "down"])("shows a node as Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("node", nodeOf(shown[name])));
  const { body } = await api.call("GET", `/nodes/${shown[name].ID}`);
  expect(unwritten(body)).toEqual(unwritten(shown[name]));
});

test("shows a node that has not told about itself yet", async () => {
  const api = inProcessApi();
  const { description: _, ...silent } = nodeOf(shown.worker);
  await api.store.update((tx) => tx.put("node", { ...silent, status: { state: "unknown", addr: "" } }));
  const { body } = await api.call("GET", "/nodes");
  expect(body[0]).toMatchObject({
    Description: { Platform: {}, Resources: {}, Engine: {} },
    Status: { State: "unknown" },
  });
  expect(body[0]).not.toHaveProperty("ManagerStatus");
});

test.for(["mini", "full", "rollback", "paused"])("shows a service as Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("service", serviceOf(shown[name])));
  const { body } = await api.call("GET", `/services/${shown[name].Spec.Name}`);
  expect(unwritten(body)).toEqual(unwritten(shown[name]));
});

test.for([
  ["mini", "miniDefaults"],
  ["simpleDefaults", "simpleDefaults"],
] as const)("writes the defaults of a spec out on request: %s", async ([stored, withDefaults]) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("service", serviceOf(shown[stored])));
  const { body } = await api.call("GET", `/services/${shown[stored].ID}?insertDefaults=true`);
  expect(unwritten(body)).toEqual(unwritten(shown[withDefaults]));
});

test.for(["swarm", "swarmCustom", "swarmEmpty"])("shows the swarm as Docker does: %s", async (name) => {
  const api = inProcessApi();
  await api.store.update((tx) => tx.put("cluster", clusterOfRecording(shown[name])));
  const { body } = await api.call("GET", "/swarm");
  expect(unwritten(body)).toEqual(unwritten(shown[name]));
});

test("an empty list is a list", async () => {
  const api = inProcessApi();
  for (const path of ["/services", "/tasks", "/nodes"]) {
    expect(await api.call("GET", path)).toMatchObject({ status: 200, body: [] });
  }
});
