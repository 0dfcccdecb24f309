import { engineNetworks, type NetworkId, type ServiceSpec } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { newSwarm, type ServiceParts, serviceSpec } from "../allocator/test-network.ts";
import type { HeldPort } from "./context.ts";
import { lookUp } from "./look-up.ts";
import { createNetwork, removeNetwork } from "./networks.ts";
import { createService, removeService, updateService } from "./services.ts";

async function setUp(held: readonly HeldPort[] = []) {
  const { store, context: bare, ingress } = await newSwarm();
  const asked: string[] = [];
  const context = {
    ...bare,
    probePorts: async (ports: readonly { readonly protocol: string; readonly published: number }[]) => {
      asked.push(...ports.map(({ protocol, published }) => `${protocol}/${published}`));
      return held.filter((each) => asked.includes(`${each.protocol}/${each.published}`));
    },
  };
  const network = (name: string): Promise<NetworkId> => createNetwork(store, { Name: name }, context);
  const create = (name: string, parts: ServiceParts | ServiceSpec) =>
    createService(store, "TaskTemplate" in parts ? parts : serviceSpec(name, parts), undefined, context);
  const update = (name: string, parts: ServiceParts, rollback?: "previous") => {
    const { version } = lookUp(store.view(), "service", name);
    const call = { service: name, version, spec: serviceSpec(name, parts), ...(rollback && { rollback }) };
    return updateService(store, new FakeClock(), call, context);
  };
  const endpoint = (name: string) => lookUp(store.view(), "service", name).endpoint;
  const vips = (name: string) => endpoint(name).virtualIps?.map(({ address }) => address);
  const numbers = (name: string) => endpoint(name).ports?.map(({ PublishedPort }) => PublishedPort);
  const released = () =>
    [...store.view().all("address")].filter(({ releasedAt }) => releasedAt !== undefined).map(({ address }) => address);
  return { store, context, ingress, asked, network, create, update, endpoint, vips, numbers, released };
}

const failure = (call: Promise<unknown>) =>
  call.then(
    () => "accepted",
    ({ code, message }) => `${code}: ${message}`,
  );

test("a service has a virtual address on each network, on the ingress network first when it publishes ports there", async () => {
  const { ingress, network, create, endpoint } = await setUp();
  const [back, front] = [await network("back"), await network("front")];
  await create("web", { networks: ["front", "back"], ports: ["8080:80", "host:9090:90"] });
  expect(endpoint("web")).toEqual({
    spec: serviceSpec("web", { ports: ["8080:80", "host:9090:90"] }).EndpointSpec,
    ports: [
      { Protocol: "tcp", TargetPort: 80, PublishedPort: 8080, PublishMode: "ingress" },
      { Protocol: "tcp", TargetPort: 90, PublishedPort: 9090, PublishMode: "host" },
    ],
    virtualIps: [
      { networkId: ingress, address: "10.0.0.2/24" },
      { networkId: front, address: "10.0.2.2/24" },
      { networkId: back, address: "10.0.1.2/24" },
    ],
  });
});

test("a service with dnsrr, or without networks and ports, has none", async () => {
  const { network, create, endpoint } = await setUp();
  await network("front");
  await create("rr", { networks: ["front"], mode: "dnsrr" });
  await create("plain", {});
  expect([endpoint("rr"), endpoint("plain")]).toEqual([{}, {}]);
});

test("on the engine's own network a service has no address", async () => {
  const { create, endpoint } = await setUp();
  await create("web", { networks: ["host"] });
  expect(endpoint("web").virtualIps).toEqual([{ networkId: engineNetworks.host }]);
});

test("specs keep the ids of networks, so that one made anew under the name is another", async () => {
  const { store, network, create } = await setUp();
  const id = await network("front");
  await create("web", { networks: ["FRONT"] });
  expect(lookUp(store.view(), "service", "web").spec.TaskTemplate.Networks).toEqual([
    { Target: id, Aliases: ["web-alias"] },
  ]);
});

test("an update keeps the addresses of networks that stay, and releases the others", async () => {
  const { network, create, update, vips, released } = await setUp();
  for (const name of ["a", "b", "c"]) await network(name);
  await create("web", { networks: ["a", "b"] });
  await update("web", { networks: ["b", "c"], replicas: 3 });
  expect(vips("web")).toEqual(["10.0.2.2/24", "10.0.3.2/24"]);
  expect(released()).toEqual(["10.0.1.2"]);
  await update("web", {}, "previous");
  expect(vips("web")).toEqual(["10.0.1.3/24", "10.0.2.2/24"]);
  await update("web", { networks: ["a", "b"], mode: "dnsrr" });
  expect(vips("web")).toBeUndefined();
});

test("a removed service gives its addresses up", async () => {
  const { store, network, create, released } = await setUp();
  await network("a");
  await create("web", { networks: ["a"], ports: ["80:80"] });
  await removeService(store, "web");
  expect(released().sort()).toEqual(["10.0.0.2", "10.0.1.2"]);
});

test("ports left open get the lowest free numbers, per protocol, and keep them", async () => {
  const { create, update, numbers } = await setUp();
  await create("a", { ports: [":80", ":53/udp", ":443"] });
  expect(numbers("a")).toEqual([30000, 30000, 30001]);
  await create("b", { ports: ["30002:80", ":81"] });
  expect(numbers("b")).toEqual([30002, 30003]);
  await update("a", { ports: [":443", ":8443"], replicas: 2 });
  expect(numbers("a")).toEqual([30001, 30000]);
});

test("two open ports with the same target get two numbers", async () => {
  const { create, update, numbers } = await setUp();
  await create("a", { ports: [":80", ":80"] });
  expect(numbers("a")).toEqual([30000, 30001]);
  await update("a", { ports: [":80", ":80", "30001:81"] });
  expect(numbers("a")).toEqual([30000, 30002, 30001]);
});

test("a port is one service's only, in Docker's words", async () => {
  const { store, create } = await setUp();
  await create("a", { ports: ["8080:80", "host:8082:80"] });
  const { id } = lookUp(store.view(), "service", "a");
  const by = (port: number, kind: string) =>
    `invalid-parameter: rpc error: code = InvalidArgument desc = port '${port}' is already in use by service 'a' (${id}) as ${kind}`;
  expect(await failure(create("b", { ports: ["8080:80"] }))).toBe(by(8080, "an ingress port"));
  expect(await failure(create("b", { ports: ["8082:80"] }))).toBe(by(8082, "a host-published port"));
  expect(await failure(create("b", { ports: ["host:8080:80"] }))).toBe(by(8080, "an ingress port"));
  expect(await failure(create("b", { ports: ["host:8082:80", "8080:80/udp"] }))).toBe("accepted");
});

test("a port that a process of a node has is refused, naming both", async () => {
  const { create, update, asked } = await setUp([
    { protocol: "tcp", published: 8080, node: "node-2", process: "nginx (pid 123)" },
  ]);
  const words =
    "invalid-parameter: rpc error: code = InvalidArgument desc = port '8080' is already in use on node node-2 by nginx (pid 123)";
  expect(await failure(create("a", { ports: ["8080:80"] }))).toBe(words);
  expect(await failure(create("a", { ports: ["8080:80/udp", "host:8080:80"] }))).toBe("accepted");
  expect(await failure(update("a", { ports: ["8080:80"] }))).toBe(words);
  asked.length = 0;
  expect(await failure(update("a", { ports: ["8080:80/udp"], replicas: 2 }))).toBe("accepted");
  expect(asked).toEqual([]);
});

test("an update asks nodes about no port that the service has", async () => {
  const { create, update, asked } = await setUp();
  await create("a", { ports: [":80", "8080:81"] });
  expect(asked).toContain("tcp/8080");
  asked.length = 0;
  await update("a", { ports: [":80", "8080:81", "host:90:90"], replicas: 2 });
  expect(asked).toEqual([]);
});

test("numbers that a process has are not chosen", async () => {
  const { create, numbers } = await setUp([
    { protocol: "tcp", published: 30000, node: "n1" },
    { protocol: "tcp", published: 30001, node: "n2" },
  ]);
  await create("a", { ports: [":80"] });
  expect(numbers("a")).toEqual([30002]);
});

test("networks that no service may have are refused in Docker's words", async () => {
  const { store, network, create } = await setUp();
  const on = (name: string) => failure(create("web", { networks: [name] }));
  const local = (name: string) =>
    `forbidden: The network ${name} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.`;
  expect(await on("nosuch")).toBe("internal: network nosuch not found");
  expect(await on("none")).toBe(local("none"));
  expect(await on("docker_gwbridge")).toBe(local("docker_gwbridge"));
  expect(await on("ingress")).toBe(
    'invalid-parameter: rpc error: code = InvalidArgument desc = Service cannot be explicitly attached to the ingress network "ingress"',
  );
  await network("old");
  await removeNetwork(store, "old");
  expect(await on("old")).toBe("internal: network old not found");
});

test("removing a stack and deploying it again works back to back, whoever is still on the old network", async () => {
  const { store, network, create, vips } = await setUp();
  for (let round = 1; round <= 3; round++) {
    const id = await network("stack_default");
    await create("stack_web", { networks: ["stack_default"], ports: ["8080:80"] });
    expect(vips("stack_web")).toEqual([`10.0.0.${round + 1}/24`, `10.0.${round}.2/24`]);
    await removeService(store, "stack_web");
    await removeNetwork(store, id);
  }
});
