import { timestamp } from "@skep/model";
import { expect, test } from "vitest";
import { newSwarm, serviceSpec } from "../allocator/test-network.ts";
import { createNetwork } from "../control/networks.ts";
import { createService, updateService } from "../control/services.ts";
import { applyPlan } from "./apply-plan.ts";
import { planService } from "./plan-service.ts";
import { now, view } from "./test-data.ts";
import { rolledBack } from "./update-status.ts";

async function setUp() {
  const { store, context } = await newSwarm();
  for (const name of ["a", "b"]) await createNetwork(store, { Name: name }, context);
  const service = (name: string) => {
    const [found] = store.view().find("service", "name", name);
    if (!found) throw new Error(`no service ${name}`);
    return found;
  };
  const update = (name: string, parts: Parameters<typeof serviceSpec>[1]) => {
    const call = { service: name, version: service(name).version, spec: serviceSpec(name, parts) };
    return updateService(store, { now: () => now, after: () => () => {} }, call, context);
  };
  const create = (name: string, parts: Parameters<typeof serviceSpec>[1]) =>
    createService(store, serviceSpec(name, parts), undefined, context);
  const rollBack = (name: string) => {
    const before = service(name);
    const next = rolledBack(before, "t1" as never) ?? before;
    const step = { do: "write-service", service: next, rolledBack: true } as const;
    return applyPlan(store, { serviceId: before.id, service: before, plan: { service: step, slots: [] } }, now);
  };
  const vips = (name: string) => service(name).endpoint.virtualIps?.map(({ address }) => address);
  return { store, context, service, create, update, rollBack, vips };
}

test("a task gets its addresses in the transaction that makes it", async () => {
  const { store, service, create } = await setUp();
  await create("web", { networks: ["a"], replicas: 1 });
  const web = service("web");
  const plan = planService(view(web, []), now);
  await applyPlan(store, { serviceId: web.id, service: web, plan }, now);
  const [task] = store.view().all("task");
  expect(task).toMatchObject({
    networks: [{ address: "10.0.1.3/24", aliases: ["web-alias"] }],
    status: { state: "pending", timestamp: timestamp(now), message: "pending task scheduling" },
  });
  const [, address] = [...store.view().all("address")].sort((x, y) => (x.id < y.id ? -1 : 1));
  expect(address).toMatchObject({ owner: { kind: "task", id: task?.id }, version: task?.version });
});

test("a service that is rolled back gets the addresses and ports of its previous spec", async () => {
  const { service, create, update, rollBack, vips } = await setUp();
  await create("web", { networks: ["a"], ports: ["8080:80"] });
  await update("web", { networks: ["b"], ports: [":80"] });
  expect(vips("web")).toEqual(["10.0.0.2/24", "10.0.2.2/24"]);
  expect(await rollBack("web")).toBe(true);
  expect(vips("web")).toEqual(["10.0.0.2/24", "10.0.1.3/24"]);
  expect(service("web").endpoint.ports?.map(({ PublishedPort }) => PublishedPort)).toEqual([8080]);
});

test("a port that another service has taken meanwhile is not taken back, and tasks wait for it", async () => {
  const { store, service, create, update, rollBack } = await setUp();
  await create("web", { ports: ["8080:80"] });
  await update("web", { ports: ["8081:80"] });
  await create("other", { ports: ["8080:80"] });
  await rollBack("web");
  expect(service("web").endpoint.ports?.map(({ PublishedPort }) => PublishedPort)).toEqual([undefined]);
  const web = service("web");
  await applyPlan(store, { serviceId: web.id, service: web, plan: planService(view(web, []), now) }, now);
  expect([...store.view().all("task")].map(({ status }) => [status.state, status.err])).toEqual([
    ["new", "port '8080' is already in use by another service"],
  ]);
});
