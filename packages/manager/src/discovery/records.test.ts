import type { NetworkId, Service, Task } from "@skep/model";
import { expect, test } from "vitest";
import { endpointRecord, overlayRecord, peerRecord, serviceRecord } from "./records.ts";
import { inState, network, node, service, task } from "./test-data.ts";

const n1 = node("n1", 1);
const web = (rest: Partial<Task> = {}): Task => task("t1", "n1", ["net"], rest);
const byItself = (target: string) => (target === "elsewhere" ? undefined : (target as NetworkId));
const recordOf = (name: string, networks: readonly string[], rest: Partial<Service> = {}) =>
  serviceRecord(service(name, networks, rest), byItself);

test("a network is told with what a data plane needs of it", () => {
  const options = { "com.docker.network.driver.mtu": "1300" };
  const spec = { Internal: true, Attachable: true, Options: options, Labels: { a: "b" } };
  expect(overlayRecord(network("net", spec))).toEqual({
    kind: "network",
    id: "net",
    name: "net",
    vni: 4097,
    subnets: [{ subnet: "10.0.1.0/24", gateway: "10.0.1.1" }],
    internal: true,
    ingress: false,
    attachable: true,
    mtu: 1300,
    createdAt: "2026-01-01T00:00:00.000Z",
    labels: { a: "b" },
  });
});

test("a removed network is told of until nothing is on it; the engine's own never is", () => {
  expect(overlayRecord({ ...network("net"), removedAt: 7 })).toBeDefined();
  expect(overlayRecord({ ...network("net"), removedAt: 7, releasedAt: 8 })).toBeUndefined();
  expect(overlayRecord(network("host", { Labels: { "com.docker.swarm.predefined": "true" } }))).toBeUndefined();
});

test("a node is a peer once it has a data path, and is down only when it is given up", () => {
  expect(peerRecord(n1)).toEqual({
    kind: "peer",
    id: "n1",
    hostname: "n1",
    address: "192.168.0.1",
    index: 1,
    down: false,
  });
  const { dataPath: _, ...without } = n1;
  expect(peerRecord(without)).toBeUndefined();
  const down = (state: "unknown" | "down" | "disconnected") => peerRecord({ ...n1, status: { state, addr: "" } })?.down;
  expect([down("unknown"), down("disconnected"), down("down")]).toEqual([false, false, true]);
});

test("a service has the networks of its spec and those it has addresses on", () => {
  const Networks = [{ Target: "net", Aliases: ["www"] }, { Target: "elsewhere" }];
  const endpoint = {
    virtualIps: [
      { networkId: "ingress" as NetworkId, address: "10.0.0.3/24" },
      { networkId: "net" as NetworkId, address: "10.0.1.2" },
    ],
    ports: [
      { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "ingress" },
      { Protocol: "udp", TargetPort: 53, PublishedPort: 53, PublishMode: "host" },
      { Protocol: "tcp", TargetPort: 443, PublishMode: "ingress" },
    ],
  } as const;
  const spec = { Name: "web", TaskTemplate: { Networks } };
  expect(recordOf("s1", [], { spec, endpoint })).toEqual({
    kind: "service",
    id: "s1",
    name: "web",
    mode: "vip",
    networks: [
      { networkId: "ingress", vip: "10.0.0.3", aliases: [] },
      { networkId: "net", vip: "10.0.1.2", aliases: ["www"] },
    ],
    ports: [{ protocol: "tcp", published: 8080, target: 80 }],
  });
});

test("a service without virtual addresses is told with its networks, one without networks is not told", () => {
  const spec = {
    Name: "web",
    TaskTemplate: { Networks: [{ Target: "net" }] },
    EndpointSpec: { Mode: "dnsrr" },
  } as const;
  expect(recordOf("s1", [], { spec, endpoint: {} })).toMatchObject({
    mode: "dnsrr",
    networks: [{ networkId: "net", aliases: [] }],
  });
  expect(recordOf("s1", [])).toBeUndefined();
});

test("a task has an endpoint from its assignment to its end", () => {
  const states = ["new", "pending", "assigned", "starting", "running", "complete", "failed", "orphaned"] as const;
  expect(states.map((state) => endpointRecord(inState(web(), state), n1)?.state)).toEqual([
    undefined,
    undefined,
    "starting",
    "starting",
    "ready",
    undefined,
    undefined,
    undefined,
  ]);
});

test("it drains when its task is to end, or is taken out of service, while it runs", () => {
  const running = inState(web(), "running");
  expect(endpointRecord({ ...running, desiredState: "shutdown" }, n1)?.state).toBe("draining");
  expect(endpointRecord({ ...running, withdrawn: true }, n1)?.state).toBe("draining");
  expect(endpointRecord({ ...web(), withdrawn: true, desiredState: "remove" }, n1)?.state).toBe("starting");
});

test("an endpoint has its addresses, and its node's ports; without either there is none", () => {
  const Ports = [
    { Protocol: "udp", TargetPort: 53, PublishedPort: 5353, PublishMode: "host" },
    { TargetPort: 80, PublishMode: "host" },
    { TargetPort: 81, PublishedPort: 81, PublishMode: "ingress" },
  ] as const;
  const container = { id: "c".repeat(64) };
  const networks = [{ networkId: "host" as NetworkId, aliases: [] }];
  const published = web({ networks, endpointSpec: { Ports }, status: { ...web().status, container } });
  expect(endpointRecord(published, n1)).toEqual({
    kind: "endpoint",
    id: "t1",
    name: "web.1.t1",
    serviceId: "web",
    nodeId: "n1",
    state: "starting",
    containerId: "c".repeat(64),
    networks: [],
    hostPorts: [
      { protocol: "udp", published: 5353, target: 53 },
      { protocol: "tcp", published: 0, target: 80 },
    ],
  });
  expect(endpointRecord(web({ networks }), n1)).toBeUndefined();
});

test("a host name is told as its node expands it; a template that is no good is not", () => {
  const named = (Hostname: string) => endpointRecord(web({ spec: { ContainerSpec: { Hostname } } }), n1)?.hostname;
  expect(named("db")).toBe("db");
  expect(named("{{.Service.Name}}-{{.Node.Hostname}}")).toBe("web-n1");
  expect(named("{{.Nope}}")).toBeUndefined();
});

test("a container attached by hand is nobody's task, and has names of its own", () => {
  const attached = web({
    spec: { Runtime: "attachment", NetworkAttachmentSpec: { ContainerID: "c1" } },
    serviceName: "adhoc",
    networks: [{ networkId: "net" as NetworkId, address: "10.0.1.9/24", aliases: ["me"] }],
  });
  expect(endpointRecord(inState(attached, "running"), n1)).toEqual({
    kind: "endpoint",
    id: "t1",
    name: "adhoc",
    nodeId: "n1",
    state: "ready",
    containerId: "c1",
    networks: [{ networkId: "net", address: "10.0.1.9/24", aliases: ["me"] }],
    hostPorts: [],
  });
});
