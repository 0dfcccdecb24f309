import { beforeEach, expect, test } from "vitest";
import { type InProcessApi, inProcessApi, recorded } from "../../test/in-process-api.ts";
import { clusterOfRecording, nodeOf, taskOf } from "../../test/recorded-swarm.ts";

let api: InProcessApi;
beforeEach(() => {
  api = inProcessApi();
});

const web = (fields: object = {}) => ({
  Name: "web",
  TaskTemplate: { ContainerSpec: { Image: "nginx:1.27" } },
  ...fields,
});
const get = async (id = "web") => (await api.call("GET", `/services/${id}`)).body;
const update = async (spec: object, query = "", version?: number) =>
  api.call("POST", `/services/web/update?version=${version ?? (await get()).Version.Index}${query}`, spec);

test("a created service is found by name in any case, by id and by a prefix of its id", async () => {
  const { status, body } = await api.call("POST", "/services/create", web());
  expect(status).toBe(201);
  for (const text of ["web", "WEB", body.ID, body.ID.slice(0, 6)]) expect((await get(text)).ID).toBe(body.ID);
  expect((await get()).Version.Index).toBeGreaterThan(0);
});

test("a prefix of several ids is ambiguous", async () => {
  for (const ID of ["abc1", "abc2"]) {
    await api.store.update((tx) => tx.put("node", { ...nodeOf(recorded("objects").worker), id: ID as never }));
  }
  expect(await api.call("GET", "/nodes/abc")).toMatchObject({
    status: 400,
    body: { message: "node abc is ambiguous (2 matches found)" },
  });
  expect((await api.call("GET", "/nodes/node-2")).body.message).toBe("node node-2 is ambiguous (2 matches found)");
});

test("invents a name where none is given", async () => {
  const { body } = await api.call("POST", "/services/create", { TaskTemplate: web().TaskTemplate });
  expect((await get(body.ID)).Spec.Name).toMatch(/^[a-z]+_[a-z]+$/);
});

test("an update keeps one previous spec and clears the update status", async () => {
  await api.call("POST", "/services/create", web());
  await update(web({ Labels: { a: "1" } }));
  await update(web({ Labels: { a: "2" } }));
  const service = await get();
  expect([service.Spec.Labels, service.PreviousSpec.Labels]).toEqual([{ a: "2" }, { a: "1" }]);
  expect(service).not.toHaveProperty("UpdateStatus");
});

test("a rollback changes the two specs over, and a second one goes forward again", async () => {
  await api.call("POST", "/services/create", web());
  await update(web({ Labels: { a: "1" } }));
  for (const expected of [{}, { a: "1" }]) {
    expect((await update(web(), "&rollback=previous")).status).toBe(200);
    const service = await get();
    expect(service.Spec.Labels).toEqual(expected);
    expect(service.UpdateStatus).toEqual({
      State: "rollback_started",
      StartedAt: expect.any(String),
      Message: "manually requested rollback",
    });
  }
});

test("a stale version changes nothing", async () => {
  await api.call("POST", "/services/create", web());
  const { Version } = await get();
  await update(web({ Labels: { a: "1" } }));
  const { status, body } = await update(web({ Labels: { a: "2" } }), "", Version.Index);
  expect([status, body.message]).toEqual([500, "rpc error: code = Unknown desc = update out of sequence"]);
  expect((await get()).Spec.Labels).toEqual({ a: "1" });
});

test("registry credentials stay until new ones are sent, and go back with a rollback", async () => {
  const auth = (value: string) => ({ headers: { "x-registry-auth": value } });
  const stored = async () => api.store.view().get("service", (await get()).ID)?.registryAuth;
  await api.call("POST", "/services/create", web(), auth("one"));
  await update(web({ Labels: { a: "1" } }), "&registryAuthFrom=spec");
  expect(await stored()).toBe("one");
  await api.call("POST", `/services/web/update?version=${(await get()).Version.Index}`, web(), auth("two"));
  expect(await stored()).toBe("two");
  await update(web(), "&rollback=previous");
  expect(await stored()).toBe("one");
  expect(JSON.stringify(await get())).not.toMatch(/one|two/);
});

test("a host-mode port is shown in the endpoint, and services may share it", async () => {
  const port = { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" };
  await api.call("POST", "/services/create", web({ EndpointSpec: { Ports: [port] } }));
  expect((await get()).Endpoint).toEqual({ Spec: { Mode: "vip", Ports: [port] }, Ports: [port] });
  const other = await api.call("POST", "/services/create", { ...web({ EndpointSpec: { Ports: [port] } }), Name: "b" });
  expect(other.status).toBe(201);
  await update(web());
  expect((await get()).Endpoint).toEqual({ Spec: {} });
});

const container = (fields: object) => ({ TaskTemplate: { ContainerSpec: { Image: "nginx", ...fields } } });

test.for([
  ["job", { Mode: { ReplicatedJob: {} } }, /job modes/],
  ["global job", { Mode: { GlobalJob: {} } }, /job modes/],
  ["secret", container({ Secrets: [{ SecretID: "x", SecretName: "s", File: { Name: "s" } }] }), /secrets/],
  ["config", container({ Configs: [{ ConfigID: "x", ConfigName: "c", File: { Name: "c" } }] }), /configs/],
  [
    "generic resource",
    {
      TaskTemplate: {
        ...web().TaskTemplate,
        Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: "gpu", Value: 1 } }] } },
      },
    },
    /generic resources/,
  ],
] as const)("answers 501 to what is not available yet, and stores nothing: %s", async ([, fields, message]) => {
  const { status, body } = await api.call("POST", "/services/create", web(fields));
  expect([status, body.message]).toEqual([501, expect.stringMatching(message)]);
  expect(body.message).toMatch(/^rpc error: code = Unimplemented desc = /);
  expect((await api.call("GET", "/services")).body).toEqual([]);
});

test("a service has a virtual address on each of its networks, and a port on every node", async () => {
  await api.store.update((tx) => tx.put("cluster", clusterOfRecording(recorded("objects").swarm)));
  const port = { Protocol: "tcp", TargetPort: 80, PublishMode: "ingress" };
  const published = web({ EndpointSpec: { Ports: [port] } });
  expect(await api.call("POST", "/services/create", published)).toMatchObject({
    status: 400,
    body: {
      message:
        "rpc error: code = FailedPrecondition desc = service needs ingress network, but no ingress network is present",
    },
  });
  const ids = [];
  for (const network of [{ Name: "ingress", Ingress: true }, { Name: "front" }]) {
    ids.push((await api.call("POST", "/networks/create", { Driver: "overlay", ...network })).body.Id);
  }
  const TaskTemplate = { ...web().TaskTemplate, Networks: [{ Target: "front", Aliases: ["www"] }] };
  expect(await api.call("POST", "/services/create", { ...published, TaskTemplate })).toMatchObject({ status: 201 });
  const { Endpoint, Spec } = await get();
  expect(Spec.TaskTemplate.Networks).toEqual([{ Target: ids[1], Aliases: ["www"] }]);
  expect(Endpoint).toEqual({
    Spec: { Mode: "vip", Ports: [port] },
    Ports: [{ ...port, PublishedPort: 30000 }],
    VirtualIPs: ids.map((NetworkID, at) => ({ NetworkID, Addr: `10.0.${at}.2/24` })),
  });
});

test("lists by filters in both forms", async () => {
  await api.call("POST", "/services/create", web({ Labels: { team: "a", tier: "front" } }));
  await api.call("POST", "/services/create", web({ Name: "web2", Labels: { team: "b" }, Mode: { Global: {} } }));
  const names = async (filters: object) => {
    const { body } = await api.call("GET", `/services?filters=${encodeURIComponent(JSON.stringify(filters))}`);
    return body.map(({ Spec }: { Spec: { Name: string } }) => Spec.Name).sort();
  };
  expect(await names({ name: ["web"] })).toEqual(["web", "web2"]);
  expect(await names({ name: { web2: true } })).toEqual(["web2"]);
  expect(await names({ name: ["nosuch", "web2"] })).toEqual(["web2"]);
  expect(await names({ label: ["team"] })).toEqual(["web", "web2"]);
  expect(await names({ label: ["team=a", "tier"] })).toEqual(["web"]);
  expect(await names({ label: ["team=b", "tier"] })).toEqual([]);
  expect(await names({ mode: { global: true } })).toEqual(["web2"]);
  expect(await names({ name: ["web"], mode: ["replicated"] })).toEqual(["web"]);
  expect(await names({ runtime: ["plugin"] })).toEqual([]);
});

test("counts running tasks, but not those on a node that is down", async () => {
  const shown = recorded("objects");
  const { body } = await api.call("POST", "/services/create", web({ Mode: { Replicated: { Replicas: 3 } } }));
  await api.store.update((tx) => {
    for (const node of [shown.worker, shown.down]) tx.put("node", nodeOf(node));
    for (const [index, node] of [shown.worker, shown.worker, shown.down].entries()) {
      tx.put(
        "task",
        taskOf({ ...shown.task, ID: `task${index}`, ServiceID: body.ID, NodeID: node.ID, Slot: index + 1 }),
      );
    }
  });
  const [listed] = (await api.call("GET", "/services?status=true")).body;
  expect(listed.ServiceStatus).toEqual({ RunningTasks: 2, DesiredTasks: 3, CompletedTasks: 0 });
  expect((await api.call("GET", "/services")).body[0]).not.toHaveProperty("ServiceStatus");
});

test("a removed service is gone at once", async () => {
  await api.call("POST", "/services/create", web());
  expect(await api.call("DELETE", "/services/web")).toMatchObject({ status: 200, body: "" });
  expect((await api.call("GET", "/services/web")).status).toBe(404);
});
