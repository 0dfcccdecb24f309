import { type Address, addressId, type Network, type NetworkId, type TaskId } from "@skep/model";
import { MemoryStore, type Transaction } from "@skep/store";
import { expect, test } from "vitest";
import { claimAddress, claimWanted, releaseAddresses } from "./claim-address.ts";
import { Ipam } from "./ipam.ts";

const network = (subnet: Partial<Network["subnets"][number]> = {}): Network => ({
  id: "net1" as NetworkId,
  version: 0,
  createdAt: "",
  updatedAt: "",
  spec: { Name: "web" },
  vni: 4097,
  subnets: [{ subnet: "10.0.1.0/29", gateway: "10.0.1.1", ...subnet }],
});
const owner = (id: string): Address["owner"] => ({ kind: "task", id: id as TaskId });

function setUp(of: Network = network()) {
  const store = new MemoryStore({ clock: { now: () => 0 } });
  const ipam = new Ipam();
  const claim = (id: string, with_ = ipam) => store.update((tx) => result(tx, id, with_));
  const result = (tx: Transaction, id: string, with_: Ipam) => {
    const claimed = claimAddress(tx, of, owner(id), with_);
    return "address" in claimed ? claimed.address : claimed.problem;
  };
  const forget = (address: string) => store.update((tx) => tx.delete("address", addressId(of.id, address)));
  return { store, of, ipam, claim, forget };
}

test("gives out one address after the other, never the network's, the gateway's and the broadcast address", async () => {
  const { claim } = setUp();
  const given = [await claim("a"), await claim("b"), await claim("c"), await claim("d"), await claim("e")];
  expect(given).toEqual(["10.0.1.2/29", "10.0.1.3/29", "10.0.1.4/29", "10.0.1.5/29", "10.0.1.6/29"]);
  expect(await claim("f")).toBe(
    "no available IPv4 addresses on this network's address pools: web (10.0.1.0/29): 5 in use",
  );
});

test("what was freed last comes last, also for one that starts its search anew", async () => {
  const { claim, forget } = setUp();
  for (const id of ["a", "b", "c"]) await claim(id);
  await forget("10.0.1.2");
  expect(await claim("d")).toBe("10.0.1.5/29");
  expect(await claim("e")).toBe("10.0.1.6/29");
  expect(await claim("f")).toBe("10.0.1.2/29");
  await forget("10.0.1.4");
  expect(await claim("g", new Ipam())).toBe("10.0.1.4/29");
});

test("stays within the range and leaves out what is reserved", async () => {
  const { claim } = setUp(network({ subnet: "10.0.1.0/24", range: "10.0.1.8/30", reserved: ["10.0.1.9"] }));
  expect([await claim("a"), await claim("b"), await claim("c")]).toEqual([
    "10.0.1.8/24",
    "10.0.1.10/24",
    "10.0.1.11/24",
  ]);
  expect(await claim("d")).toContain("no available IPv4 addresses");
});

test("goes on in the network's next subnet", async () => {
  const two = { ...network(), subnets: [...network().subnets, { subnet: "10.0.9.0/29", gateway: "10.0.9.1" }] };
  const { claim } = setUp(two);
  for (const id of ["a", "b", "c", "d", "e"]) await claim(id);
  expect(await claim("f")).toBe("10.0.9.2/29");
});

test("a released address is not given out again, and the explanation tells of it", async () => {
  const { store, claim } = setUp();
  for (const id of ["a", "b", "c", "d", "e"]) await claim(id);
  await store.update((tx) => releaseAddresses(tx, "b"));
  expect(store.view().get("address", "net1/10.0.1.3")?.releasedAt).toBe(6);
  expect(await claim("f")).toBe(
    "no available IPv4 addresses on this network's address pools: web (10.0.1.0/29): 4 in use, 1 released and waiting for nodes to acknowledge it",
  );
});

test("gives the address that is asked for, unless it is somebody's or outside", async () => {
  const { store, of } = setUp();
  const wanted = (address: string) =>
    store.update((tx) => claimWanted(tx, of, owner("a"), address)).catch((error: Error) => error.message);
  expect(await wanted("10.0.1.4")).toBe("10.0.1.4/29");
  const taken = (address: string) =>
    `rpc error: code = FailedPrecondition desc = Address already in use: ${address} on network web`;
  expect(await wanted("10.0.1.4")).toBe(taken("10.0.1.4"));
  expect(await wanted("10.0.1.1")).toBe(taken("10.0.1.1"));
  expect(await wanted("10.0.2.4")).toBe(
    "rpc error: code = InvalidArgument desc = invalid address 10.0.2.4: It does not belong to any of this network's subnets",
  );
});
