import type { RequestListener, ServerResponse } from "node:http";
import type { Node, NodeId, Service, ServiceId } from "@skep/model";
import { expect, test } from "vitest";
import { Facade } from "../../test/facade.ts";
import type { ManagerAccess } from "../swarm-node.ts";

const label = (id: string) => ({ Id: id, Labels: { "com.docker.swarm.task.id": id } });
const plain = (id: string) => ({ Id: id, Labels: null });

async function listing(query: string, containers: object[]) {
  let asked = "";
  const http: RequestListener = (request, response) => {
    asked = decodeURIComponent(request.url ?? "");
    response.end(JSON.stringify(containers));
  };
  await using facade = await Facade.start({ http });
  const { text } = await facade.call("GET", `/v1.40/containers/json${query}`);
  return { asked, ids: JSON.parse(text).map(({ Id }: { Id: string }) => Id) };
}
const filters = (value: object) => `filters=${encodeURIComponent(JSON.stringify(value))}`;

test("asks the engine for tasks' containers by their label", async () => {
  const query = `?all=1&${filters({ "is-task": { true: true }, name: ["x"] })}`;
  expect((await listing(query, [label("a")])).asked).toBe(
    '/v1.40/containers/json?all=1&filters={"name":["x"],"label":["com.docker.swarm.task.id"]}',
  );
});

test("takes tasks' containers out of the engine's answer, and counts after that", async () => {
  const query = `?limit=2&${filters({ "is-task": ["false"] })}`;
  const { asked, ids } = await listing(query, [label("a"), plain("b"), plain("c"), plain("d")]);
  expect(asked).toBe("/v1.40/containers/json?limit=0&filters={}&all=1");
  expect(ids).toEqual(["b", "c"]);
});

test("leaves every other list of containers to the engine, with what was asked as it was asked", async () => {
  expect((await listing("?limit=1&filters={%22name%22:[%22x%22]}", [])).asked).toBe(
    '/v1.40/containers/json?limit=1&filters={"name":["x"]}',
  );
  expect((await listing(`?${filters({ "is-task": ["maybe"] })}`, [])).asked).toContain("maybe");
});

test("shows this node's place in the swarm in the engine's info", async () => {
  const remoteManagers = [{ nodeId: "n1" as NodeId, addr: "192.168.0.1:2377" }];
  const status = {
    state: "active",
    role: "worker",
    nodeId: "n2" as NodeId,
    nodeAddr: "192.168.0.2",
    remoteManagers,
  } as const;
  await using facade = await Facade.start({
    http: (_, response) => response.end('{"ID":"x","Swarm":{"LocalNodeState":"inactive"},"NCPU":2}'),
    swarm: { status: () => status },
  });
  expect((await facade.call("GET", "/info")).text).toBe(
    '{"ID":"x","Swarm":{"NodeID":"n2","NodeAddr":"192.168.0.2","LocalNodeState":"active","ControlAvailable":false,"Error":"","RemoteManagers":[{"NodeID":"n1","Addr":"192.168.0.1:2377"}]},"NCPU":2}\n',
  );
});

test("passes the creation of a local network on, its body untouched", async () => {
  const bodies: string[] = [];
  await using facade = await Facade.start({
    http: async (request, response) => {
      bodies.push(`${request.url} ${request.headers["content-length"]} ${await Array.fromAsync(request)}`);
      response.writeHead(201).end('{"Id":"n"}');
    },
  });
  for (const body of ['{"Name":"n", "Driver":"bridge"}', "not JSON", "", `"${"x".repeat(2 << 20)}"`]) {
    expect(
      (await facade.call("POST", "/networks/create", body, { "Content-Length": String(body.length) })).status,
    ).toBe(201);
    expect(bodies.pop()?.replaceAll(",", "")).toBe(`/networks/create ${body.length} ${body.replaceAll(",", "")}`);
  }
});

const at = "2026-11-23T07:17:52.841Z";
const service = { id: "s1" as ServiceId, spec: { Name: "web" }, createdAt: at, updatedAt: at } as Service;

test("merges the cluster's events into the engine's, as far as the filters want them", async () => {
  const engineStreams: ServerResponse[] = [];
  const http: RequestListener = (_, response) => {
    engineStreams.push(response);
    response.write('{"Type":"container","timeNano":1}\n');
  };
  await using facade = await Facade.start({ http });
  const socket = facade.connect();
  socket.write(`GET /v1.41/events?${filters({ type: ["service", "container"] })} HTTP/1.1\r\nHost: x\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) {
    text += chunk;
    if (text.includes('"service"')) break;
    const node = { id: "n1" as NodeId, spec: {}, createdAt: at, updatedAt: at } as Node;
    if (text.includes('"container"')) {
      facade.events.publish({
        changes: [
          { kind: "node", id: "n1", after: node },
          { kind: "service", id: "s1", after: service },
        ],
      });
    }
  }
  expect(text).toContain("Content-Type: application/json\r\n");
  expect(text).not.toContain('"node"');
});

test("reaches back in time, and ends when the engine does", async () => {
  await using facade = await Facade.start({ http: (_, response) => response.end() });
  facade.events.publish({ changes: [{ kind: "service", id: "s1", after: service }] });
  const seconds = Date.parse(at) / 1000;
  const events = async (query: string) => (await facade.call("GET", `/events?${query}`)).text;
  expect(await events(`since=${seconds - 1}&until=${seconds + 1}`)).toContain('"name":"web"');
  expect(await events(`since=${seconds + 1}`)).toBe("");
  expect(await events(`until=${seconds - 1}`)).toBe("");
  expect(await events("")).toBe("");
});

test("leaves the engine the last word on a request for events", async () => {
  await using facade = await Facade.start({
    http: (_, response) => response.writeHead(400).end('{"message":"invalid filter"}\n'),
  });
  expect(await facade.call("GET", "/events?filters=x")).toMatchObject({
    status: 400,
    text: '{"message":"invalid filter"}\n',
  });
});

test("names overlay among the network drivers, whatever the engine has", async () => {
  await using facade = await Facade.start({
    http: (_, response) => response.end('{"Plugins":{"Volume":["local"],"Network":["bridge","host","null"]}}'),
  });
  expect(JSON.parse((await facade.call("GET", "/info")).text).Plugins).toEqual({
    Volume: ["local"],
    Network: ["bridge", "host", "null", "overlay"],
  });
});

test("counts the cluster's nodes for a manager", async () => {
  const view = { all: () => [], count: () => 3, find: () => [{}] };
  const manager = { store: { view: () => view } } as unknown as ManagerAccess;
  await using facade = await Facade.start({
    http: (_, response) => response.end("{}"),
    swarm: { status: () => ({ state: "active", role: "manager" }), manager: () => manager },
  });
  expect(JSON.parse((await facade.call("GET", "/info")).text).Swarm).toMatchObject({
    ControlAvailable: true,
    Nodes: 3,
    Managers: 1,
  });
});
