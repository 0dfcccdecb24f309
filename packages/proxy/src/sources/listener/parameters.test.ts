import { expect, test } from "vitest";
import type { SwarmNode, SwarmService } from "../swarm/swarm-objects.ts";
import {
  createParameters,
  nodeCreateParameters,
  nodeRemoveParameters,
  removeParameters,
  toQuery,
} from "./parameters.ts";

const service = (labels: Record<string, string>, more: Partial<SwarmService> = {}): SwarmService => ({
  ...{ id: "s1", name: "go-demo_main", version: 7, replicas: 3, image: "demo:1", updateState: "", monitorMs: 5000 },
  ...{ labels: { "com.df.notify": "true", ...labels }, ...more },
});
const node = (more: Partial<SwarmNode> = {}): SwarmNode => ({
  ...{ id: "n1", hostname: "node-1", version: 9, address: "192.168.0.1", state: "ready", role: "worker" },
  ...{ availability: "active", labels: {}, engineLabels: {}, ...more },
});
const notify = { notifyLabel: "com.df.notify" };

test("each label com.df.x is the parameter x; the name, the replicas and distribute come along", () => {
  const labels = {
    "com.df.servicePath": "/demo",
    "com.df.port": "8080",
    "com.df.port.1": "9000",
    other: "x",
    "com.df.": "y",
  };
  expect(toQuery(createParameters(service(labels), notify))).toBe(
    "distribute=true&port=8080&port.1=9000&replicas=3&serviceName=go-demo_main&servicePath=%2Fdemo",
  );
});

test("a global service has no replicas", () => {
  const parameters = createParameters(service({}, { replicas: undefined }), notify);
  expect(parameters).toEqual({ distribute: "true", serviceName: "go-demo_main" });
});

test("distribute is as the label says", () => {
  const parameters = createParameters(service({ "com.df.distribute": "false" }), notify);
  expect(parameters.distribute).toBe("false");
  expect(removeParameters(service({ "com.df.distribute": "false" }), notify).distribute).toBe("false");
});

test("name and replicas come before labels of those names", () => {
  const labels = { "com.df.serviceName": "evil", "com.df.replicas": "99", "com.df.nodeInfo": "x" };
  const parameters = createParameters(service(labels), notify, [["node-1", "10.0.1.3", "n1"]]);
  expect(parameters).toMatchObject({
    serviceName: "go-demo_main",
    replicas: "3",
    nodeInfo: '[["node-1","10.0.1.3","n1"]]',
  });
});

test.each([
  ["true", "main"],
  ["TRUE", "main"],
  ["false", "go-demo_main"],
  [undefined, "go-demo_main"],
])("with shortName %s the name is %s, for create and remove", (shortName, expected) => {
  const stack = { "com.docker.stack.namespace": "go-demo" };
  const labelled = service({ ...stack, ...(shortName ? { "com.df.shortName": shortName } : {}) });
  expect(createParameters(labelled, notify).serviceName).toBe(expected);
  expect(removeParameters(labelled, notify).serviceName).toBe(expected);
});

test("shortName without a stack leaves the name", () => {
  expect(createParameters(service({ "com.df.shortName": "true" }), notify).serviceName).toBe("go-demo_main");
});

test("a prefix goes before the name", () => {
  expect(createParameters(service({}), { ...notify, namePrefix: "dev" }).serviceName).toBe("dev_go-demo_main");
});

test("a notify label of another name is not passed on either, and com.df.notify is then a label like any other", () => {
  const labels = { "com.df.show": "yes" };
  const parameters = createParameters(service(labels), { notifyLabel: "com.df.show=yes" });
  expect(parameters).toEqual({ distribute: "true", notify: "true", replicas: "3", serviceName: "go-demo_main" });
});

test("the proxy's own notes in its labels are no parameters", () => {
  const labels = { "com.df.http.web": "port=8080", "com.df.httpRevision": "3", "com.df.httpsOnly": "true" };
  const parameters = createParameters(service(labels), notify);
  expect(Object.keys(parameters).sort()).toEqual(["distribute", "httpsOnly", "replicas", "serviceName"]);
});

test("removing takes the labels too, but no replicas", () => {
  const parameters = removeParameters(service({ "com.df.aclName": "01-demo" }), notify);
  expect(parameters).toEqual({ aclName: "01-demo", distribute: "true", serviceName: "go-demo_main" });
});

test("of a node: its own labels before the engine's, what it is before both", () => {
  const labels = { "com.df.zone": "east", "com.df.id": "evil", other: "x" };
  const engineLabels = { "com.df.zone": "west", "com.df.disk": "ssd", "com.df.role": "evil" };
  expect(toQuery(nodeCreateParameters(node({ labels, engineLabels })))).toBe(
    "address=192.168.0.1&availability=active&disk=ssd&hostname=node-1&id=n1&role=worker&state=ready&versionIndex=9&zone=east",
  );
});

test("a removed node is its id, name and address", () => {
  expect(toQuery(nodeRemoveParameters(node({ labels: { "com.df.zone": "east" } })))).toBe(
    "address=192.168.0.1&hostname=node-1&id=n1",
  );
});

test("values are encoded for a URL", () => {
  const labels = { "com.df.reqPathSearchReplace": "/a b,/c&d=ü", "com.df.servicePath": "/a,/b" };
  const query = toQuery(createParameters(service(labels), notify));
  expect(query).toContain("reqPathSearchReplace=%2Fa+b%2C%2Fc%26d%3D%C3%BC");
  expect(new URLSearchParams(query).get("servicePath")).toBe("/a,/b");
});
