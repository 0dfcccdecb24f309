import { type Node, type Service, type ServiceId, silentLogger, type Task } from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { FakeClock, settle } from "@skep/testkit";
import { expect, onTestFinished, test } from "vitest";
import { ConstraintEnforcer } from "./constraint-enforcer.ts";
import { node, running } from "./test-data.ts";

const zone = (name: string) => ({ Placement: { Constraints: [`node.labels.zone == ${name}`] } });
const inZone = (name: string) => node("node-1", { labels: { zone: name } });

const web = (constrainedTo: string): Service => ({
  id: "web" as ServiceId,
  version: 0,
  createdAt: "",
  updatedAt: "",
  spec: { Name: "web", TaskTemplate: zone(constrainedTo) },
  specVersion: 1,
  endpoint: {},
});

async function started(on: Node, tasks: readonly Task[], service?: Service): Promise<Store> {
  const clock = new FakeClock();
  const store: Store = new MemoryStore({ clock });
  await store.update((tx) => {
    tx.put("node", on);
    for (const task of tasks) tx.put("task", task);
    if (service) tx.put("service", service);
  });
  const stop = new AbortController();
  const enforcing = new ConstraintEnforcer({ store, clock, logger: silentLogger }).run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await enforcing;
  });
  await settle();
  return store;
}

async function change(store: Store, on: Node): Promise<void> {
  await store.update((tx) => tx.put("node", { ...on, version: tx.get("node", on.id)?.version ?? 0 }));
  for (let turn = 0; turn < 5; turn++) await settle();
}

test("a running task whose node's label changed is rejected in docker's words, and told to stop", async () => {
  const store = await started(inZone("a"), [running(1, "node-1", { spec: zone("a") }), running(2, "node-1")]);
  await change(store, inZone("b"));
  expect(store.view().get("task", "web.1")).toMatchObject({
    desiredState: "shutdown",
    status: {
      state: "rejected",
      message: "task rejected by constraint enforcer",
      err: "assigned node no longer meets constraints",
    },
  });
  expect(store.view().get("task", "web.2")).toMatchObject({ desiredState: "running", status: { state: "running" } });
});

test("tasks that broke their constraints before the start are rejected at the start", async () => {
  const store = await started(inZone("b"), [running(1, "node-1", { spec: zone("a") })]);
  expect(store.view().get("task", "web.1")?.status.state).toBe("rejected");
});

test("the service's present constraints hold, not those that the task was made with", async () => {
  const store = await started(inZone("a"), [running(1, "node-1", { spec: zone("a") })], web("b"));
  expect(store.view().get("task", "web.1")?.status.state).toBe("rejected");
});

test("a change that breaks nothing writes nothing", async () => {
  const store = await started(inZone("a"), [running(1, "node-1", { spec: zone("a") })]);
  const { revision } = store.view();
  await change(store, node("node-1", { labels: { zone: "a", rack: "1" } }));
  expect(store.view().revision).toBe(revision + 1);
});
