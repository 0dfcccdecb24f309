import type { NetworkId, Node, NodeId, Service, ServiceId } from "@skep/model";
import type { AnyChange } from "@skep/store";
import { expect, test } from "vitest";
import { attachmentEvent, clusterEvents } from "./cluster-event.ts";

const at = "2026-11-23T07:17:52.841Z";
const times = { version: 1, createdAt: at, updatedAt: at };

const web = (spec: Partial<Service["spec"]> = {}, rest: Partial<Service> = {}): Service => ({
  ...times,
  id: "s1" as ServiceId,
  spec: {
    Name: "web",
    TaskTemplate: { ContainerSpec: { Image: "nginx:1" } },
    Mode: { Replicated: { Replicas: 2 } },
    ...spec,
  },
  specVersion: 1,
  endpoint: {},
  ...rest,
});

const node = (rest: Partial<Node> = {}): Node => ({
  ...times,
  id: "n1" as NodeId,
  spec: { Role: "worker", Availability: "active" },
  description: {
    Hostname: "node-1",
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: {},
    Engine: { EngineVersion: "20.10.24" },
  },
  status: { state: "ready", addr: "192.168.0.1" },
  ...rest,
});

/** `Type Action ID name=value …`, one a line. */
const told = (change: AnyChange) =>
  clusterEvents({ changes: [change] }, 0).map(({ Type, Action, Actor }) =>
    [Type, Action, Actor.ID, ...Object.entries(Actor.Attributes).map(([name, value]) => `${name}=${value}`)].join(" "),
  );

const serviceChange = (before: Service | undefined, after: Service | undefined): AnyChange => ({
  kind: "service",
  id: "s1",
  ...(before ? { before } : {}),
  ...(after ? { after } : {}),
});
const nodeChange = (before: Node | undefined, after: Node | undefined): AnyChange => ({
  kind: "node",
  id: "n1",
  ...(before ? { before } : {}),
  ...(after ? { after } : {}),
});

test("has the shape the engine writes", () => {
  expect(JSON.stringify(clusterEvents({ changes: [serviceChange(undefined, web())] }, 0)[0])).toBe(
    '{"Type":"service","Action":"create","Actor":{"ID":"s1","Attributes":{"name":"web"}},"scope":"swarm","time":1795418272,"timeNano":1795418272841000000}',
  );
});

test("tells of services that come, change and go", () => {
  expect(told(serviceChange(undefined, web()))).toEqual(["service create s1 name=web"]);
  expect(told(serviceChange(web(), web()))).toEqual(["service update s1 name=web"]);
  expect(told(serviceChange(web(), undefined))).toEqual(["service remove s1 name=web"]);
});

test("shows what an update changed", () => {
  expect(told(serviceChange(web(), web({ Mode: { Replicated: { Replicas: 3 } } })))).toEqual([
    "service update s1 name=web replicas.new=3 replicas.old=2",
  ]);
  expect(told(serviceChange(web(), web({ TaskTemplate: { ContainerSpec: { Image: "nginx:2" } } })))).toEqual([
    "service update s1 image.new=nginx:2 image.old=nginx:1 name=web",
  ]);
  const updating = web({}, { updateStatus: { state: "updating", message: "" } });
  const completed = web({}, { updateStatus: { state: "completed", message: "" } });
  expect(told(serviceChange(web(), updating))).toEqual(["service update s1 name=web updatestate.new=updating"]);
  expect(told(serviceChange(updating, completed))).toEqual([
    "service update s1 name=web updatestate.new=completed updatestate.old=updating",
  ]);
});

test("shows what became of a node", () => {
  expect(told(nodeChange(undefined, node()))).toEqual(["node create n1 name=node-1"]);
  expect(told(nodeChange(node(), node({ status: { state: "down", addr: "" } })))).toEqual([
    "node update n1 name=node-1 state.new=down state.old=ready",
  ]);
  expect(told(nodeChange(node(), node({ spec: { Role: "manager", Availability: "drain" } })))).toEqual([
    "node update n1 availability.new=drain availability.old=active name=node-1 role.new=manager role.old=worker",
  ]);
  const manager = (leader: boolean) => node({ manager: { addr: "a", leader, reachability: "reachable" } });
  expect(told(nodeChange(manager(true), manager(false)))).toEqual([
    "node update n1 leader.new=false leader.old=true name=node-1",
  ]);
});

test("dates a removal by the clock, as the object cannot", () => {
  const [event] = clusterEvents({ changes: [nodeChange(node(), undefined)] }, 5_500);
  expect(event).toMatchObject({ Action: "remove", time: 5, timeNano: 5.5e9 });
});

test("tells of networks of the swarm", () => {
  const network = { ...times, id: "n1" as NetworkId, spec: { Name: "front" }, vni: 4097, subnets: [] };
  const change = { kind: "network", id: "n1" } as const;
  expect(told({ ...change, after: network })).toEqual(["network create n1 name=front"]);
  expect(told({ ...change, before: network, after: network })).toEqual(["network update n1 name=front"]);
  expect(told({ ...change, before: network })).toEqual(["network remove n1 name=front"]);
  const removed = { ...network, removedAt: 7 };
  expect(told({ ...change, before: network, after: removed })).toEqual(["network remove n1 name=front"]);
  expect(told({ ...change, before: removed, after: { ...removed, releasedAt: 8 } })).toEqual([]);
  expect(told({ ...change, before: removed })).toEqual([]);
});

test("says nothing of tasks", () => {
  expect(clusterEvents({ changes: [{ kind: "task", id: "t1" }] }, 0)).toEqual([]);
});

test("tells of a container that joins a network as the engine tells of its own networks", () => {
  const container = "322dbb57899ed2b7e420225c32aeaace81bd5c99f6d0cbf079002a81e22bdbcb";
  const network = { id: "beehhdj9kao0eipjb2gc5la4x", name: "appnet" };
  expect(attachmentEvent({ action: "connect", containerId: container, network }, 1_795_418_274_455)).toEqual({
    ...{ Type: "network", Action: "connect", scope: "local", time: 1_795_418_274, timeNano: 1_795_418_274_455_000_000 },
    Actor: { ID: network.id, Attributes: { container, name: "appnet", type: "overlay" } },
  });
});
