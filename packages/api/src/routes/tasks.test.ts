import type { NodeId, ServiceId, Task, TaskId } from "@skep/model";
import { beforeEach, expect, test } from "vitest";
import { type InProcessApi, inProcessApi, recorded } from "../../test/in-process-api.ts";
import { ids, putRecordedSwarm, taskOf } from "../../test/recorded-swarm.ts";

let api: InProcessApi;
beforeEach(async () => {
  api = inProcessApi();
  await putRecordedSwarm(api.store);
});

async function put(id: string, fields: Partial<Task> = {}): Promise<void> {
  const task = { ...taskOf(recorded("objects").task, "s1"), id: id as TaskId, serviceId: ids.s1, slot: 1, ...fields };
  await api.store.update((tx) => tx.put("task", task));
}

async function list(filters: object): Promise<string[]> {
  const { body } = await api.call("GET", `/tasks?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  return body.map(({ ID }: { ID: string }) => ID);
}

test("lists by service, node, state, name, label and id", async () => {
  await put("aaa", { serviceLabels: { team: "a" } });
  await put("bbb", { desiredState: "shutdown", nodeId: ids.manager, slot: 2 });
  expect(await list({ service: ["s1"] })).toEqual(["aaa", "bbb"]);
  expect(await list({ service: { [ids.s1]: true }, node: ["node-1"] })).toEqual(["bbb"]);
  expect(await list({ node: ["node-2"] })).toEqual([ids.task, "aaa"].sort());
  expect(await list({ "desired-state": ["shutdown"] })).toEqual(["bbb"]);
  expect(await list({ "desired-state": ["shutdown", "running"], service: ["s1"] })).toEqual(["aaa", "bbb"]);
  expect(await list({ name: ["s1.2"] })).toEqual(["bbb"]);
  expect(await list({ label: ["team=a"] })).toEqual(["aaa"]);
  expect(await list({ id: ["aa", "bb"] })).toEqual(["aaa", "bbb"]);
  expect(await list({ runtime: ["attachment"] })).toEqual([]);
});

test("up to date are the tasks that an update would leave alone", async () => {
  const spec = api.store.view().get("service", ids.s1)?.spec;
  const same = { spec: spec?.TaskTemplate ?? {}, ...(spec?.EndpointSpec && { endpointSpec: spec.EndpointSpec }) };
  await put("current", same);
  await put("same", { ...same, specVersion: 7 });
  await put("outdated", { ...same, specVersion: 0, spec: { ...same.spec, ForceUpdate: 1 } });
  await put("orphan", { ...same, serviceId: "gone" as ServiceId });
  expect(await list({ service: ["s1"], "_up-to-date": { true: true } })).toEqual(["current", "same"]);
});

test("a task whose placement alone changed is up to date while its node satisfies it", async () => {
  const spec = api.store.view().get("service", ids.s1)?.spec;
  if (!spec) throw new Error("no service s1");
  const same = {
    specVersion: 0,
    spec: spec.TaskTemplate,
    ...(spec.EndpointSpec && { endpointSpec: spec.EndpointSpec }),
  };
  await put("stays", { ...same, nodeId: ids.worker });
  await put("moves", { ...same, nodeId: ids.manager });
  await put("unplaced", { ...same, nodeId: "" as NodeId });
  const { body } = await api.call("GET", "/services/s1");
  const constrained = {
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, Placement: { Constraints: ["node.role==worker"] } },
  };
  await api.call("POST", `/services/s1/update?version=${body.Version.Index}`, constrained);
  expect(await list({ service: ["s1"], "_up-to-date": ["1"] })).toEqual(["stays"]);
});
