import { engineNetworks, isHidden, type NetworkSpec, type NodeId, type ServiceId } from "@skep/model";
import { FakeClock } from "@skep/testkit";
import { expect, test } from "vitest";
import { newSwarm, node, type SwarmOptions, serviceSpec } from "../allocator/test-network.ts";
import { attachContainer } from "./attachments.ts";
import { lookUp } from "./look-up.ts";
import { createNetwork, listNetworks, pruneNetworks, removeNetwork } from "./networks.ts";
import { createService, removeService } from "./services.ts";

async function setUp(options?: SwarmOptions) {
  const { store, context, ingress } = await newSwarm(options);
  const create = (spec: Partial<NetworkSpec>) =>
    createNetwork(store, { Name: "web", Driver: "overlay", ...spec }, context);
  const made = async (spec: Partial<NetworkSpec>) => {
    const id = await create(spec);
    const { vni, subnets } = lookUp(store.view(), "network", id);
    return { id, vni, subnet: subnets.map(({ subnet }) => subnet).join(), gateway: subnets[0]?.gateway, subnets };
  };
  const subnet = (text: string, more: object = {}) => ({ IPAM: { Config: [{ Subnet: text, ...more }] } });
  const refusal = (spec: Partial<NetworkSpec>) =>
    create(spec).then(
      () => "created",
      ({ code, message }) => `${code}: ${message}`,
    );
  const remove = (text: string) => removeNetwork(store, text);
  return { store, context, ingress, create, made, subnet, refusal, remove };
}

test("gives networks subnets, gateways and VNIs in order, the ingress network's being the first", async () => {
  const { store, ingress, made } = await setUp();
  expect(lookUp(store.view(), "network", "ingress")).toMatchObject({
    id: ingress,
    vni: 4096,
    subnets: [{ subnet: "10.0.0.0/24", gateway: "10.0.0.1" }],
  });
  expect(await made({ Name: "a" })).toMatchObject({ subnet: "10.0.1.0/24", gateway: "10.0.1.1", vni: 4097 });
  expect(await made({ Name: "b" })).toMatchObject({ subnet: "10.0.2.0/24", gateway: "10.0.2.1", vni: 4098 });
});

test("uses the swarm's own address pools, one after the other, and says when they are used up", async () => {
  const { made, refusal } = await setUp({ pool: ["10.20.0.0/25", "10.30.0.0/26"], subnetSize: 26 });
  expect((await made({ Name: "a" })).subnet).toBe("10.20.0.64/26");
  expect((await made({ Name: "b" })).subnet).toBe("10.30.0.0/26");
  expect(await refusal({ Name: "c" })).toBe(
    "conflict: no /26 subnet is left in the swarm's address pools (10.20.0.0/25, 10.30.0.0/26), taken among others by " +
      "network ingress (10.20.0.0/26) and network b (10.30.0.0/26): give the network a subnet of its own with --subnet, " +
      "or a new swarm other pools with --default-addr-pool",
  );
});

test("the pool keeps away from networks made by hand and from the hosts' routes", async () => {
  const { store, create, made, subnet } = await setUp();
  await create({ Name: "mine", ...subnet("10.0.1.0/24") });
  await store.update((tx) => tx.put("node", node("n1", ["0.0.0.0/0", "10.0.2.0/23", "192.168.0.0/24"])));
  expect((await made({ Name: "a" })).subnet).toBe("10.0.4.0/24");
});

test("refuses a subnet that somebody has, and names who", async () => {
  const { store, create, refusal, subnet } = await setUp();
  await create({ Name: "web" });
  await store.update((tx) => tx.put("node", node("n1", ["192.168.4.0/22"])));
  const of = (text: string) => refusal({ Name: "x", ...subnet(text) });
  const overlaps = "invalid-parameter: rpc error: code = InvalidArgument desc = subnet";
  expect(await of("10.0.0.0/16")).toBe(`${overlaps} 10.0.0.0/16 overlaps with network ingress (10.0.0.0/24)`);
  expect(await of("10.0.1.128/25")).toBe(`${overlaps} 10.0.1.128/25 overlaps with network web (10.0.1.0/24)`);
  expect(await of("192.168.5.0/24")).toBe(
    `${overlaps} 192.168.5.0/24 overlaps with route 192.168.4.0/22 of node host-n1`,
  );
  expect(await of("169.254.9.0/24")).toContain("overlaps with the link-local addresses");
  expect(await of("100.66.1.0/24")).toContain("overlaps with the addresses for egress");
  expect(await of("192.168.8.0/24")).toBe("created");
});

test("takes subnet, gateway, range and reserved addresses as they are given", async () => {
  const { made, subnet } = await setUp();
  const more = { Gateway: "10.9.0.254", IPRange: "10.9.0.128/25", AuxiliaryAddresses: { router: "10.9.0.130" } };
  expect((await made({ ...subnet("10.9.0.0/24", more) })).subnets).toEqual([
    { subnet: "10.9.0.0/24", gateway: "10.9.0.254", range: "10.9.0.128/25", reserved: ["10.9.0.130"] },
  ]);
});

const invalid = "invalid-parameter: rpc error: code = InvalidArgument desc =";

test.each<[string, Partial<NetworkSpec>, string]>([
  ["no name", { Name: "" }, "internal: invalid name: "],
  ["a bad name", { Name: "bad/name", Driver: "nosuch" }, `${invalid} name must be valid as a DNS name component`],
  ["the engine's names", { Name: "host" }, "forbidden: operation is not permitted on predefined host network "],
  ["an unknown driver", { Driver: "nosuch", Scope: "swarm" }, 'not-found: plugin "nosuch" not found'],
  [
    "an attachable ingress network",
    { Ingress: true, Attachable: true },
    `${invalid} ingress network cannot be attachable`,
  ],
  [
    "a bad subnet",
    { IPAM: { Config: [{ Subnet: "999.1.1.0/24" }] } },
    "internal: Invalid subnet 999.1.1.0/24 : invalid CIDR address: 999.1.1.0/24",
  ],
  [
    "a subnet with host bits",
    { IPAM: { Config: [{ Subnet: "10.9.1.1/24" }] } },
    `${invalid} invalid subnet 10.9.1.1/24: it should be 10.9.1.0/24`,
  ],
  [
    "a tiny subnet",
    { IPAM: { Config: [{ Subnet: "10.9.1.0/30" }] } },
    `${invalid} invalid subnet 10.9.1.0/30: its size must be from /8 to /29`,
  ],
  [
    "a gateway outside",
    { IPAM: { Config: [{ Subnet: "10.9.1.0/24", Gateway: "10.9.2.1" }] } },
    `${invalid} invalid gateway 10.9.2.1: parent subnet is 10.9.1.0/24`,
  ],
  [
    "a range outside",
    { IPAM: { Config: [{ Subnet: "10.9.1.0/24", IPRange: "10.9.0.0/16" }] } },
    `${invalid} invalid ip-range 10.9.0.0/16: parent subnet is 10.9.1.0/24`,
  ],
  [
    "a gateway alone",
    { IPAM: { Config: [{ Gateway: "10.9.1.1" }] } },
    `${invalid} an IP range, a gateway or auxiliary addresses need a subnet: give --subnet too`,
  ],
  [
    "subnets that overlap",
    { IPAM: { Config: [{ Subnet: "10.9.0.0/16" }, { Subnet: "10.9.1.0/24" }] } },
    `${invalid} subnets 10.9.0.0/16 and 10.9.1.0/24 of the network overlap`,
  ],
  [
    "an MTU that is none",
    { Options: { "com.docker.network.driver.mtu": "67" } },
    `${invalid} invalid value for option com.docker.network.driver.mtu: "67" is not a number from 68 to 65535`,
  ],
  [
    "a VNI that is none",
    { Options: { "com.docker.network.driver.overlay.vxlanid_list": "16777216" } },
    `${invalid} invalid value for option com.docker.network.driver.overlay.vxlanid_list: "16777216" is not one number from 1 to 16777215`,
  ],
  [
    "the ingress network's VNI",
    { Options: { "com.docker.network.driver.overlay.vxlanid_list": "4096" } },
    `${invalid} VXLAN id 4096 is already in use by network ingress`,
  ],
  ["an IPAM driver", { IPAM: { Driver: "nosuch" } }, 'not-found: plugin "nosuch" not found'],
  [
    "the label of predefined networks",
    { Labels: { "com.docker.swarm.predefined": "true" } },
    "forbidden: rpc error: code = PermissionDenied desc = label com.docker.swarm.predefined is for internally created predefined networks and cannot be applied by users",
  ],
])("refuses %s", async (_, spec, message) => {
  const { refusal } = await setUp();
  expect(await refusal(spec)).toBe(message);
});

test("refuses what this version cannot do, and says what to do instead", async () => {
  const { refusal } = await setUp();
  expect(await refusal({ Options: { encrypted: "" } })).toMatch(/^not-implemented: .*leave out --opt encrypted/);
  expect(await refusal({ EnableIPv6: true })).toMatch(/^not-implemented: .*leave out --ipv6/);
  expect(await refusal({ Driver: "bridge", Scope: "swarm" })).toMatch(/^not-implemented: .*make an overlay network/);
});

test("a name, and the ingress network, there is once only", async () => {
  const { ingress, create, refusal } = await setUp();
  await create({ Name: "web" });
  expect(await refusal({ Name: "web" })).toBe("conflict: network with name web already exists");
  expect(await refusal({ Name: "WEB" })).toBe("conflict: network with name WEB already exists");
  expect(await refusal({ Name: "ing2", Ingress: true })).toBe(
    `conflict: rpc error: code = AlreadyExists desc = ingress network (${ingress}) is already present`,
  );
});

test("takes the VNI that is asked for, and never gives it out again", async () => {
  const { made } = await setUp();
  const option = { "com.docker.network.driver.overlay.vxlanid_list": "4097" };
  expect((await made({ Name: "a", Options: option })).vni).toBe(4097);
  expect((await made({ Name: "b" })).vni).toBe(4098);
});

test("a removed network is gone at once, and its name free, but not its subnet and VNI", async () => {
  const { store, made, remove } = await setUp();
  const old = await made({ Name: "web" });
  await remove("web");
  const lookUpOld = () => lookUp(store.view(), "network", old.id);
  expect(lookUpOld).toThrow(`network ${old.id} not found`);
  expect(listNetworks(store.view()).map(({ spec }) => spec.Name)).toEqual(["ingress"]);
  expect(await made({ Name: "web" })).toMatchObject({ subnet: "10.0.2.0/24", vni: 4098 });
  const kept = store.view().get("network", old.id);
  expect(kept && isHidden(kept)).toBe(true);
});

test("a network that a service, a task or an attached container uses stays", async () => {
  const { store, context, create, remove } = await setUp();
  const id = await create({ Name: "web", Attachable: true });
  await store.update((tx) => tx.put("node", node("n1")));
  const service = await createService(store, serviceSpec("a", { networks: ["web"] }), undefined, context);
  const inUse = (by: string) => `rpc error: code = FailedPrecondition desc = network ${id} is in use by ${by}`;
  await expect(remove("web")).rejects.toThrow(inUse(`service ${service}`));
  await removeService(store, "a");
  const container = { network: "web", containerId: "c1", containerName: "c", aliases: [], hostPorts: [] };
  const task = await attachContainer(store, "n1" as NodeId, container);
  await expect(remove("web")).rejects.toThrow(inUse(`task ${task.id}`));
  expect(await pruneNetworks(store, new FakeClock())).toEqual([]);
});

test("the ingress network may go when no service publishes ports, and come back", async () => {
  const { store, context, create, remove } = await setUp();
  const publish = () => createService(store, serviceSpec("a", { ports: ["80:80"] }), undefined, context);
  const service: ServiceId = await publish();
  await expect(remove("ingress")).rejects.toThrow(
    `ingress network cannot be removed because service ${service} depends on it`,
  );
  await removeService(store, "a");
  await remove("ingress");
  await expect(publish()).rejects.toThrow("service needs ingress network, but no ingress network is present");
  await create({ Name: "ingress", Ingress: true });
  await publish();
});

test("the engine's own networks are found, never listed, and stay", async () => {
  const { store, remove } = await setUp();
  expect(lookUp(store.view(), "network", "host").id).toBe(engineNetworks.host);
  expect(listNetworks(store.view()).map(({ spec }) => spec.Name)).toEqual(["ingress"]);
  await expect(remove("bridge")).rejects.toThrow("bridge is a pre-defined network and cannot be removed");
});

test("prunes what nobody uses, and only what the filters mean", async () => {
  const { store, create, context } = await setUp();
  await create({ Name: "used" });
  await create({ Name: "a", Labels: { team: "a" } });
  await create({ Name: "b", Labels: { keep: "1" } });
  await createService(store, serviceSpec("s", { networks: ["used"] }), undefined, context);
  const clock = new FakeClock();
  expect(await pruneNetworks(store, clock, new Map([["until", ["1h"]]]))).toEqual([]);
  expect(await pruneNetworks(store, clock, new Map([["label", ["team=a"]]]))).toEqual(["a"]);
  expect(await pruneNetworks(store, clock, new Map([["label!", ["keep"]]]))).toEqual([]);
  expect(await pruneNetworks(store, clock)).toEqual(["b"]);
});
