import { beforeEach, expect, test } from "vitest";
import { type InProcessApi, inProcessApi } from "../../test/in-process-api.ts";
import { ids, putRecordedSwarm } from "../../test/recorded-swarm.ts";

let api: InProcessApi;
beforeEach(async () => {
  api = inProcessApi();
  await putRecordedSwarm(api.store);
});

const get = async (id: string) => (await api.call("GET", `/nodes/${id}`)).body;
const update = async (id: string, spec: object) =>
  api.call("POST", `/nodes/${id}/update?version=${(await get(id)).Version.Index}`, spec);
const worker = { Role: "worker", Availability: "active" };

test("an update replaces the whole spec", async () => {
  await update("node-2", { ...worker, Labels: { zone: "a" }, Availability: "drain" });
  expect((await get("node-2")).Spec).toEqual({ Labels: { zone: "a" }, Role: "worker", Availability: "drain" });
  await update("node-2", { Role: "Worker", Availability: "PAUSE" });
  expect((await get("node-2")).Spec).toEqual({ Labels: {}, Role: "worker", Availability: "pause" });
});

test("a worker cannot be promoted yet, and the last manager not demoted", async () => {
  expect(await update("node-2", { ...worker, Role: "manager" })).toMatchObject({
    status: 501,
    body: { message: expect.stringContaining("more than one manager is not available yet") },
  });
  expect(await update("node-1", worker)).toMatchObject({
    status: 400,
    body: {
      message: "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm",
    },
  });
});

test("a removed node is blocked until its certificate has expired, and its tasks are orphaned", async () => {
  expect((await api.call("DELETE", `/nodes/${ids.worker}?force=1`)).status).toBe(200);
  const reader = api.store.view();
  expect(reader.get("node", ids.worker)).toBeUndefined();
  expect(reader.get("task", ids.task)?.status).toMatchObject({ state: "orphaned" });
  const [cluster] = [...reader.all("cluster")];
  const until = Date.parse(cluster?.blockedNodes[ids.worker] ?? "");
  const days = (until - Date.now()) / (24 * 3600 * 1000);
  expect(Math.round(days)).toBe(90);
});

test("a node that is down is removed without force", async () => {
  await api.store.update((tx) => {
    const node = tx.get("node", ids.worker);
    if (node) tx.put("node", { ...node, status: { state: "down", addr: "192.168.98.12" } });
  });
  expect((await api.call("DELETE", "/nodes/node-2")).status).toBe(200);
});

test.for([
  [{ role: ["manager"] }, ["node-1"]],
  [{ role: { worker: true } }, ["node-2", "node-4"]],
  [{ name: ["node-"] }, ["node-1", "node-2", "node-4"]],
  [{ name: ["node-1", "node-2"] }, ["node-1", "node-2"]],
  [{ id: [ids.worker.slice(0, 4)] }, ["node-2"]],
  [{ membership: ["accepted"] }, ["node-1", "node-2", "node-4"]],
  [{ membership: ["pending"] }, []],
  [{ "node.label": ["zone=a"] }, ["node-2"]],
  [{ "node.label": ["zone"], role: ["manager"] }, []],
  [{ label: ["zone"] }, []],
] as const)("lists by filter %j", async ([filters, expected]) => {
  await update("node-2", { ...worker, Labels: { zone: "a" } });
  const { body } = await api.call("GET", `/nodes?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  expect(body.map(({ Description }: { Description: { Hostname: string } }) => Description.Hostname).sort()).toEqual(
    expected,
  );
});
