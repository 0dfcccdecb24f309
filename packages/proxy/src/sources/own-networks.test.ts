import { parseBlock } from "@skep/model";
import { expect, test } from "vitest";
import { isInside, ownNetworks } from "./own-networks.ts";

const own = {
  addresses: new Set(["10.0.1.7"]),
  subnets: ["10.0.1.0/24", "172.18.0.0/16"].flatMap((cidr) => parseBlock(cidr) ?? []),
};
const inside = (...addresses: string[]) => addresses.filter((address) => isInside(own, address));

test("keeps the addresses inside the own networks: none, half, all", () => {
  expect(inside("10.0.2.1", "203.0.113.9")).toEqual([]);
  expect(inside("10.0.1.200", "203.0.113.9")).toEqual(["10.0.1.200"]);
  expect(inside("10.0.1.200", "172.18.255.1")).toEqual(["10.0.1.200", "172.18.255.1"]);
});

test("what is not an IPv4 address is not inside", () => {
  expect(inside("fd00::1", "10.0.1", "")).toEqual([]);
});

test("loopback is not a network to find others on", () => {
  expect(isInside(ownNetworks(), "127.0.0.1")).toBe(false);
});
