import type { ServiceId, Task } from "@skep/model";
import { MemoryStore } from "@skep/store";
import { expect, test } from "vitest";
import { applyPlan } from "./apply-plan.ts";
import type { Plan } from "./plan.ts";
import { planService } from "./plan-service.ts";
import { now, service, task, template, view } from "./test-data.ts";

const serviceId = "web" as ServiceId;

async function storeWith(replicas: number, tasks: readonly Task[] = []) {
  const store = new MemoryStore({ clock: { now: () => now } });
  await store.update((tx) => {
    tx.put("service", { ...service(replicas), version: 0 });
    for (const each of tasks) tx.put("task", { ...each, version: 0 });
  });
  const of = store.view().get("service", serviceId);
  const plan = planService(view(of, store.view().find("task", "service", serviceId)), now);
  const apply = (other: Plan = plan) => applyPlan(store, { serviceId, service: of, plan: other }, now);
  return { store, of, plan, apply };
}

test("makes tasks of the service's spec, on their way to the scheduler", async () => {
  const { store, apply } = await storeWith(1);
  expect(await apply()).toBe(true);
  expect([...store.view().all("task")]).toMatchObject([
    {
      serviceId,
      slot: 1,
      spec: template(),
      specVersion: 1,
      serviceName: "web",
      cause: "replica",
      desiredState: "running",
      status: { state: "pending", message: "pending task scheduling" },
    },
  ]);
});

test("a large plan is carried out in several transactions of 200 changes at most", async () => {
  const { store, apply } = await storeWith(450);
  const before = store.view().revision;
  await apply();
  expect(store.view().revision - before).toBe(3);
  expect(store.view().count("task")).toBe(450);
});

test("applying the same plan again changes nothing", async () => {
  const { store, apply } = await storeWith(3);
  await apply();
  const { revision } = store.view();
  expect(await apply()).toBe(false);
  expect(store.view().revision).toBe(revision);
});

test("a slot that has changed since is left as it is, and the others are not", async () => {
  const failed = [1, 2].map((slot) => task({ id: `t${slot}`, slot, state: "failed" }));
  const { store, apply } = await storeWith(2, failed);
  await store.update((tx) => {
    const changed = tx.get("task", "t1");
    if (changed) tx.put("task", { ...changed, status: { ...changed.status, message: "changed" } });
  });
  expect(await apply()).toBe(false);
  expect(store.view().get("task", "t1")?.desiredState).toBe("running");
  expect(store.view().get("task", "t2")?.desiredState).toBe("shutdown");
  expect(store.view().count("task")).toBe(3);
});

test("nothing is done for a service that has another spec by now, or is gone", async () => {
  const { store, of, apply } = await storeWith(2);
  if (of) await store.update((tx) => tx.put("service", { ...of, specVersion: 2 }));
  expect(await apply()).toBe(false);
  await store.update((tx) => tx.delete("service", serviceId));
  expect(await apply()).toBe(false);
  expect(store.view().count("task")).toBe(0);
});

test("where an update stands is not written over what somebody else wrote", async () => {
  const { store, of, apply } = await storeWith(1);
  if (!of) throw new Error("no service");
  await store.update((tx) => tx.put("service", { ...of, endpoint: { ports: [] } }));
  const updateStatus = { state: "updating", message: "update in progress" } as const;
  const step = { do: "write-service", service: { ...of, updateStatus }, rolledBack: false } as const;
  expect(await apply({ service: step, slots: [] })).toBe(false);
  expect(store.view().get("service", serviceId)).toMatchObject({ endpoint: { ports: [] } });
  expect(store.view().get("service", serviceId)?.updateStatus).toBeUndefined();
});
