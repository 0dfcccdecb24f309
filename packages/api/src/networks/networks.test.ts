import type { NetworkNodeProgress } from "@skep/manager";
import {
  type EndpointRecord,
  engineNetworks,
  type NetworkId,
  type NodeId,
  type OverlayRecord,
  type PeerRecord,
  type ServiceRecord,
  type TaskId,
} from "@skep/model";
import { beforeEach, expect, test } from "vitest";
import { type InProcessApi, inProcessApi, recorded } from "../../test/in-process-api.ts";
import { clusterOfRecording, networkOf, nodeOf, serviceOf, taskOf } from "../../test/recorded-swarm.ts";
import type { LocalEndpoint, NodeNetworks } from "../node-networks.ts";

const shown = { ...recorded("objects"), ...recorded("networks") };

let api: InProcessApi;
beforeEach(() => {
  api = inProcessApi();
  api.engineNetworks = shown.custom.filter(({ Scope }: { Scope: string }) => Scope === "local");
});

// biome-ignore lint/suspicious/noExplicitAny: answers are plain JSON
type Shown = any;

const undated = ({ Created: _, ...rest }: Shown) => JSON.stringify(rest);
const list = async (filters: object = {}) =>
  (await api.call("GET", `/networks?filters=${encodeURIComponent(JSON.stringify(filters))}`)).body;
const names = async (filters: object = {}) => (await list(filters)).map(({ Name }: Shown) => Name);
const put = (...networks: Shown[]) =>
  api.store.update((tx) => {
    for (const network of networks) tx.put("network", networkOf(network));
  });

const [ingress, pool2, pool1] = shown.custom;

test("lists the swarm's networks by id, then the engine's as it gave them", async () => {
  await put(pool1, ingress, pool2, { ...shown.host, Id: engineNetworks.host });
  expect((await list()).map(undated)).toEqual(shown.custom.map(undated));
});

test("leaves the list to the engine outside a swarm", async () => {
  api.status = { state: "inactive" };
  expect((await api.call("GET", "/networks")).body).toBe("passed to the engine");
});

test("filters the swarm's networks as the engine does its own", async () => {
  await put(pool1, ingress, pool2, shown.labelled);
  api.engineNetworks = [];
  expect(await names({ name: ["pool"] })).toEqual(["pool2", "pool1"]);
  expect(await names({ name: { "^pool1$": true, appnet: true } })).toEqual(["appnet", "pool1"]);
  expect(await names({ label: ["team=a"] })).toEqual(["appnet"]);
  expect(await names({ label: ["team=b"] })).toEqual([]);
  expect(await names({ driver: ["bridge"] })).toEqual([]);
  expect(await names({ scope: ["swarm"], type: ["custom"] })).toHaveLength(4);
  expect(await names({ type: ["builtin"] })).toEqual([]);
  expect(await names({ id: [shown.labelled.Id.slice(0, 6)] })).toEqual(["appnet"]);
  expect((await api.call("GET", '/networks?filters={"colour":["red"]}')).status).toBe(400);
});

test("knows which networks nobody uses", async () => {
  await put(pool1, { ...shown.verbose, Labels: null });
  api.engineNetworks = [];
  await api.store.update((tx) => tx.put("service", serviceOf(shown.drr)));
  expect(await names({ dangling: ["true"] })).toEqual(["pool1"]);
  expect(await names({ dangling: ["false"] })).toEqual(["dnsnet"]);
});

test("finds a network by name, id and the beginning of its id, the engine's among them", async () => {
  await put(pool1, pool2);
  const found = async (term: string, query = "") => (await api.call("GET", `/networks/${term}${query}`)).body;
  for (const term of ["pool1", pool1.Id, pool1.Id.slice(0, 5)]) expect((await found(term)).Id).toBe(pool1.Id);
  expect(await found("bridge")).toBe("passed to the engine");
  expect(await found("nosuch")).toBe("passed to the engine");
  expect(await found("pool1", "?scope=local")).toBe("passed to the engine");
  expect(await found("nosuch", "?scope=swarm")).toEqual({ message: "network nosuch not found" });
  api.engineNetworks = [{ Name: "pool1", Id: "f".repeat(64) }];
  expect((await found("pool1")).message).toBe("network pool1 is ambiguous (2 matches found on name)");
  expect((await found("pool1", "?scope=swarm")).Id).toBe(pool1.Id);
});

const dnsnet = shown.verbose.Id as NetworkId;

/** The recorded network with its services, tasks and nodes, as the managers have it. */
const putVerbose = () =>
  api.store.update((tx) => {
    tx.put("network", networkOf(shown.verbose));
    for (const service of [shown.dvip, shown.drr]) tx.put("service", serviceOf(service));
    for (const task of shown.dnsTasks) {
      tx.put("task", {
        ...taskOf(task, "dvip"),
        networks: [{ networkId: dnsnet, address: task.NetworksAttachments[0].Addresses[0], aliases: [] }],
      });
    }
    for (const [at, node] of [shown.manager, shown.worker].entries()) {
      tx.put("node", { ...nodeOf(node), dataPath: { address: `192.168.98.${11 + at}`, index: at + 1 } });
    }
    tx.put("node", {
      ...nodeOf(shown.worker),
      id: "l1lqzn8221b1wl8uwmermbgum" as NodeId,
      dataPath: { address: "192.168.98.13", index: 3 },
    });
  });

const tasksOf = (services: Shown) =>
  Object.fromEntries(
    Object.entries(services).map(([name, { Tasks, VIP }]: [string, Shown]) => [
      name,
      [VIP, ...Tasks.map((task: Shown) => `${task.Name} ${task.EndpointIP} ${task.Info["Host IP"]}`).sort()],
    ]),
  );

test("shows all services and tasks of a network on a manager, wherever they run", async () => {
  await putVerbose();
  const { body } = await api.call("GET", "/networks/dnsnet?verbose=true");
  const { dvip, drr } = shown.verbose.Services;
  expect(tasksOf(body.Services)).toEqual(tasksOf({ dvip, drr: { ...drr, Tasks: [] } }));
  expect(body.Services.dvip.Tasks[0].EndpointID).toMatch(/^[0-9a-f]{64}$/);
  expect((await api.call("GET", "/networks/dnsnet")).body).not.toHaveProperty("Services");
});

test("shows which version of a network each of its nodes has", async () => {
  await putVerbose();
  const node = (name: Shown, fields: object): NetworkNodeProgress => ({
    ...{ nodeId: shown[name].ID, hostname: shown[name].Description.Hostname, state: "ready", connected: true },
    ...{ sentRevision: 9, acknowledgedRevision: 9, upToDate: true, lagMs: 0, problems: [] },
    ...fields,
  });
  const late = {
    acknowledgedRevision: 2,
    upToDate: false,
    lagMs: 1500,
    problems: [{ subject: "port", message: "taken" }],
  };
  const nodes = [node("worker", late), node("manager", {})];
  api.networkProgress = { revision: 9, nodes, networks: [{ networkId: dnsnet, name: "dnsnet", revision: 7, nodes }] };
  const { body } = await api.call("GET", "/networks/dnsnet?verbose=1");
  const about = (name: string) => ({ NodeID: shown[name].ID, Hostname: shown[name].Description.Hostname });
  expect(body.Skep).toEqual({
    Revision: 7,
    Nodes: [
      {
        ...{ ...about("manager"), State: "ready", Connected: true },
        ...{ Acknowledged: 9, UpToDate: true, LagMs: 0, Problems: [] },
      },
      {
        ...{ ...about("worker"), State: "ready", Connected: true },
        ...{ Acknowledged: 2, UpToDate: false, LagMs: 1500, Problems: ["port: taken"] },
      },
    ],
  });
});

/** What a node's data plane would say of a recorded network. */
function nodeNetworks(view: Shown, ingress = false): NodeNetworks {
  const overlay: OverlayRecord = {
    ...{ kind: "network", id: view.Id, name: view.Name, vni: Number(Object.values(view.Options)[0]) },
    ...{ internal: view.Internal, attachable: view.Attachable, ingress, createdAt: view.Created, labels: view.Labels },
    subnets: view.IPAM.Config.map(({ Subnet, Gateway }: Shown) => ({ subnet: Subnet, gateway: Gateway })),
  };
  const peers = view.Peers.map(
    ({ Name, IP }: Shown, at: number): PeerRecord => ({
      ...{ kind: "peer", id: Name, hostname: "", address: IP, index: at + 1, down: false },
    }),
  );
  const services = Object.entries(view.Services ?? {}).filter(([name]) => name !== "");
  return {
    revision: 42,
    overlays: () => [overlay],
    peers: () => peers,
    services: () => services.map(([name, service]) => serviceRecordOf(view.Id, name, service)),
    endpoints: () =>
      Object.entries(view.Services ?? {}).flatMap(([name, { Tasks }]: [string, Shown]) =>
        Tasks.map((task: Shown) => endpointRecordOf(view, name, task)),
      ),
    endpointsOn: () =>
      Object.entries(view.Containers)
        .filter(([id]) => id.length === 64)
        .map(
          ([id, container]: [string, Shown]): LocalEndpoint => ({
            ...{ containerId: id, name: container.Name, endpointId: container.EndpointID },
            ...{ mac: container.MacAddress, address: container.IPv4Address },
          }),
        ),
    problems: () => [],
    attachesAny: false,
    container: () => undefined,
    sandboxes: () => [],
  };
}

const serviceRecordOf = (networkId: NetworkId, name: string, { VIP }: Shown): ServiceRecord => ({
  ...{ kind: "service", id: name as never, name, mode: VIP === "<nil>" ? "dnsrr" : "vip", ports: [] },
  networks: [{ networkId, aliases: [], ...(VIP !== "<nil>" && { vip: VIP }) }],
});

const endpointRecordOf = (view: Shown, service: string, task: Shown): EndpointRecord => ({
  ...{ kind: "endpoint", id: task.Name as TaskId, name: task.Name, state: "ready", hostPorts: [] },
  ...(service && { serviceId: service as never }),
  nodeId: view.Peers.find(({ IP }: Shown) => IP === task.Info["Host IP"]).Name,
  networks: [{ networkId: view.Id, address: `${task.EndpointIP}/24`, aliases: [] }],
});

/** Without what only Docker's own data plane has: load balancers' endpoints and indices, ids of endpoints elsewhere. */
function comparable({ Containers, Services, Peers, ...rest }: Shown): Shown {
  return {
    ...rest,
    Containers: Object.fromEntries(Object.entries(Containers).filter(([id]) => id.length === 64)),
    Peers: Peers.map(({ IP }: Shown) => IP).sort(),
    ...(Services && { Services: tasksOf(Services) }),
  };
}

test.for(["verbose", "attachable"])("shows a network on a worker that uses it as Docker does: %s", async (name) => {
  api.status = { state: "active", role: "worker" };
  api.networks = nodeNetworks(shown[name]);
  const { body } = await api.call("GET", `/networks/${shown[name].Name}?verbose=true`);
  const { Skep, ...asDocker } = body;
  expect(comparable(asDocker)).toEqual(comparable(shown[name]));
  expect(Skep).toEqual({ Acknowledged: 42 });
});

test("shows the ingress network and the networks in use on a worker, and no others", async () => {
  api.status = { state: "active", role: "worker" };
  api.networks = nodeNetworks(shown.ingressLocal, true);
  const recordedHere = shown.workerList.find(({ Name }: Shown) => Name === "ingress");
  const [first] = await list();
  expect(Object.keys(first)).toEqual(Object.keys(recordedHere));
  expect({ ...first, Peers: [], Created: "" }).toEqual({ ...recordedHere, Peers: [], Created: "" });
  api.networks = { ...nodeNetworks(shown.verbose), endpointsOn: () => [] };
  expect((await api.call("GET", "/networks/dnsnet")).body).toBe("passed to the engine");
});

const putCluster = () => api.store.update((tx) => tx.put("cluster", clusterOfRecording(shown.swarm)));

test("creates networks of the swarm, and leaves others to the engine", async () => {
  await putCluster();
  const created = await api.call("POST", "/networks/create", {
    Name: "rawnet",
    Driver: "overlay",
    CheckDuplicate: true,
  });
  expect(created).toMatchObject({ status: 201, body: { Id: expect.stringMatching(/^[0-9a-z]{25}$/), Warning: "" } });
  const { body } = await api.call("GET", "/networks/rawnet");
  expect(Object.keys(body)).toEqual(Object.keys(shown.unused));
  expect(body).toMatchObject({
    Id: created.body.Id,
    Driver: "overlay",
    Scope: "swarm",
    IPAM: { Config: [{ Subnet: expect.any(String) }] },
  });
  for (const [body, status] of [
    [{ Name: "local", Driver: "bridge" }, 0],
    [{ Name: "rawnet", Driver: "bridge" }, 409],
    [{ Name: "rawnet", Driver: "overlay" }, 409],
    [{ Name: "docker_gwbridge", Driver: "overlay" }, 409],
    [{ Name: "host", Driver: "overlay" }, 403],
    ["not JSON", 0],
    ['{"name":"x","driver":"overlay","internal":"yes"}', 400],
  ] as const) {
    expect((await api.call("POST", "/networks/create", body)).status, JSON.stringify(body)).toBe(status);
  }
});

test("removes and prunes networks of the swarm that nobody uses", async () => {
  await putCluster();
  for (const Name of ["a", "b", "c"]) await api.call("POST", "/networks/create", { Name, Driver: "overlay" });
  const { body } = await api.call("POST", "/services/create", {
    Name: "web",
    TaskTemplate: { ContainerSpec: { Image: "nginx" }, Networks: [{ Target: "c" }] },
  });
  expect((await api.call("DELETE", "/networks/a")).status).toBe(204);
  const refused = await api.call("DELETE", "/networks/c");
  expect(refused.status).toBe(400);
  expect(refused.body.message).toContain(`is in use by service ${body.ID}`);
  expect((await api.call("DELETE", "/networks/bridge")).body).toBe("passed to the engine");
  expect((await api.call("POST", "/networks/prune")).body).toEqual({ NetworksDeleted: ["b"] });
  expect((await api.call("POST", "/networks/prune")).body).toEqual({ NetworksDeleted: null });
});

test("attaches containers by hand to attachable networks only", async () => {
  await put(shown.attachable, pool1);
  const asked: string[] = [];
  api.networks = {
    ...nodeNetworks(shown.attachable),
    containers: {
      hostConfig: async () => ({}),
      plan: async () => {},
      throughEngine: (_, change) => change(true),
      connect: async (id, request) => void asked.push(`connect ${id} ${JSON.stringify(request)}`),
      disconnect: async (id, request) => void asked.push(`disconnect ${id} ${JSON.stringify(request)}`),
    },
  };
  const body = { Container: "plain", EndpointConfig: { Aliases: ["pl"], IPAMConfig: { IPv4Address: "10.0.5.9" } } };
  expect((await api.call("POST", "/networks/attnet/connect", body)).status).toBe(200);
  expect((await api.call("POST", "/networks/attnet/disconnect", { Container: "plain", Force: true })).status).toBe(200);
  expect(asked).toEqual([
    `connect ${shown.attachable.Id} {"container":"plain","aliases":["pl"],"address":"10.0.5.9"}`,
    `disconnect ${shown.attachable.Id} {"container":"plain","force":true}`,
  ]);
  expect(await api.call("POST", "/networks/pool1/connect", body)).toMatchObject({
    status: 403,
    body: {
      message:
        "Could not attach to network pool1: rpc error: code = PermissionDenied desc = network pool1 not manually attachable",
    },
  });
  expect((await api.call("POST", "/networks/bridge/connect", body)).body).toBe("passed to the engine");
});

test("tells skep's own CLI of all networks, and of the node's own", async () => {
  await putVerbose();
  const { body } = await api.call("GET", "/skep/network/status");
  expect(body.Networks[0]).toMatchObject({
    ...{ Name: "dnsnet", VNI: 4105, Subnets: ["10.0.8.0/24"], Ingress: false },
    Services: [
      { Name: "drr", VIP: "" },
      { Name: "dvip", VIP: "10.0.8.2", Targets: [{ State: "ready" }, {}, {}] },
    ],
  });
  expect(body.Networks[0]).toMatchObject({ Revision: 0, Nodes: [] });
  api.networks = nodeNetworks(shown.verbose);
  expect((await api.call("GET", "/skep/network/local")).body).toMatchObject({
    Revision: 42,
    Networks: [{ Name: "dnsnet", Containers: 3 }],
  });
  api.networks = undefined;
  api.status = { state: "inactive" };
  expect((await api.call("GET", "/skep/network/status")).status).toBe(503);
  expect((await api.call("GET", "/skep/network/local")).status).toBe(503);
});

test("lets the engine connect a container of skep's to a network of its own", async () => {
  api.networks = {
    ...nodeNetworks(shown.attachable),
    attachesAny: true,
    containers: {
      hostConfig: async () => ({}),
      plan: async () => {},
      connect: async () => {},
      disconnect: async () => {},
      throughEngine: (_, change) => change(true),
    },
  };
  expect((await api.call("POST", "/networks/bridge/connect", { Container: "c" })).status).toBe(200);
  expect((await api.call("POST", "/networks/bridge/disconnect", { Container: "c" })).status).toBe(200);
  expect(api.asked.filter((line) => line.includes("connect"))).toEqual([
    'engine POST /v1.41/networks/none/disconnect {"Container":"c"}',
    'engine POST /v1.41/networks/bridge/connect {"Container":"c"}',
    'engine POST /v1.41/networks/bridge/disconnect {"Container":"c"}',
  ]);
});
