import type { NetworkId, TaskId } from "@skep/model";
import { expect, test } from "vitest";
import { webTask } from "../task/test-tasks.ts";
import { networkConfig } from "./network-config.ts";
import { sandboxOf } from "./sandbox-of.ts";
import { isAttached, ndotsOf, recordOf } from "./task-interfaces.ts";

const ingress = "ingress" as NetworkId;
const shop = "shop" as NetworkId;
const on = (networkId: NetworkId, address?: string) => ({ networkId, aliases: [], ...(address && { address }) });
const published = { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "host" } as const;
const record = (task = webTask({ networks: [on(ingress, "10.0.0.5/24"), on(shop, "10.0.1.5/24")] })) =>
  recordOf(task, task.spec.ContainerSpec ?? {}, "c1", (id) => id === ingress);
const none = () => false;

test("a task is attached when it has an address of the swarm; the engine's own networks give none", () => {
  expect(isAttached(webTask())).toBe(false);
  expect(isAttached(webTask({ networks: [on("host" as NetworkId)] }))).toBe(false);
  expect(isAttached(webTask({ networks: [on(shop, "10.0.1.5/24")] }))).toBe(true);
});

test("the ingress network leads through the gateway, the others are interfaces in the order of the task", () => {
  const sandbox = sandboxOf(record(), 42, record().interfaces, none);
  expect(sandbox.interfaces).toEqual([{ taskId: "t1", networkId: shop, address: "10.0.1.5/24" }]);
  expect(sandbox.gateway).toEqual({ taskId: "t1", address: "10.0.0.5/24" });
});

test("there is a way out unless all networks are internal and nothing is published", () => {
  const inside = record(webTask({ networks: [on(shop, "10.0.1.5/24")] }));
  expect(sandboxOf(inside, 42, inside.interfaces, none).gateway).toEqual({ taskId: "t1" as TaskId });
  expect(sandboxOf(inside, 42, inside.interfaces, () => true).gateway).toBeUndefined();
  const open = { ...inside, hostPorts: [{ protocol: "tcp", published: 8080, target: 80 } as const] };
  expect(sandboxOf(open, 42, open.interfaces, () => true).gateway).toEqual({ taskId: "t1" as TaskId });
});

test("ports in host mode are the node's to publish, those in ingress mode the swarm's", () => {
  const Ports = [published, { ...published, PublishedPort: 9090, PublishMode: "ingress" as const }];
  const task = webTask({ networks: [on(shop, "10.0.1.5/24")], endpointSpec: { Ports } });
  expect(record(task).hostPorts).toEqual([{ protocol: "tcp", published: 8080, target: 80 }]);
});

test("the engine gets no network and no ports, and skep's resolver", () => {
  const config = { Image: "web", HostConfig: { PortBindings: { "80/tcp": [] }, Init: true, Dns: ["192.0.2.53"] } };
  const defaults = { search: ["example.org"], options: ["timeout:1"] };
  expect(networkConfig(config, {}, defaults)).toEqual({
    Image: "web",
    HostConfig: {
      ...{ Init: true, Runtime: "skep", NetworkMode: "none" },
      ...{ Dns: ["127.0.0.11"], DnsSearch: ["example.org"], DnsOptions: ["timeout:1", "ndots:0"] },
    },
  });
  const own = { DNSConfig: { Search: ["."], Options: ["ndots:2"] } };
  expect(networkConfig(config, own, defaults).HostConfig).toMatchObject({ DnsSearch: ["."], DnsOptions: ["ndots:2"] });
});

test("the service's own servers and ndots go to the resolver", () => {
  const spec = { DNSConfig: { Nameservers: ["192.0.2.53"], Options: ["timeout:1", "ndots:1"] } };
  expect(record(webTask({ spec, networks: [on(shop, "10.0.1.5/24")] }))).toMatchObject({
    servers: ["192.0.2.53"],
    ndots: 1,
  });
  expect(ndotsOf(["ndots:x"])).toEqual({});
});
