import { formatAddress } from "@skep/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addressIn,
  allocateIndices,
  chooseSubnet,
  gatewayOf,
  macOf,
  overlaps,
  parseAddress,
  parseSubnet,
  subnetsOfRoutes,
} from "./subnet.ts";

const addresses = (cidr: string, taken: number[], count: number) => {
  const subnet = parseSubnet(cidr);
  return allocateIndices(subnet, new Set(taken), count).map((index) => addressIn(subnet, index));
};

test("the first nodes get .11, .12 and .13, the bridge .1", () => {
  expect(addresses("192.168.99.0/24", [], 3)).toEqual(["192.168.99.11", "192.168.99.12", "192.168.99.13"]);
  expect(gatewayOf(parseSubnet("192.168.99.0/24"))).toBe("192.168.99.1");
});

test("addresses of removed nodes are given out again, lowest first", () => {
  expect(addresses("192.168.99.0/24", [11, 13], 2)).toEqual(["192.168.99.12", "192.168.99.14"]);
});

test("a small subnet is used from its second address to the last before the broadcast", () => {
  expect(addresses("10.0.0.8/29", [], 5)).toEqual(["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14"]);
  expect(() => addresses("10.0.0.8/29", [2], 5)).toThrow("subnet 10.0.0.8/29 has 4 addresses left, 5 are needed");
});

test("the addresses before .11 serve when those after it are used up", () => {
  const all = Array.from({ length: 244 }, (_, i) => i + 11);
  expect(addresses("10.1.1.0/24", all, 2)).toEqual(["10.1.1.2", "10.1.1.3"]);
});

test.each([
  ["192.168.99.0", "is not an IPv4 subnet"],
  ["192.168.99.0/33", "is not an IPv4 subnet"],
  ["192.168.99.0/8", "is not an IPv4 subnet"],
  ["192.168.256.0/24", "is not an IPv4 subnet"],
  ["fd00::/64", "is not an IPv4 subnet"],
  ["192.168.99.7/24", "the subnet itself is 192.168.99.0/24"],
])("%s is refused as a subnet", (text, reason) => {
  expect(() => parseSubnet(text)).toThrow(reason);
});

test("a free subnet is one that touches no route of this machine", () => {
  const routes = subnetsOfRoutes(
    JSON.stringify([{ dst: "default" }, { dst: "10.77.1.0/24" }, { dst: "10.77.2.5" }, { dst: "172.16.0.0/12" }, {}]),
  );
  expect(chooseSubnet(["10.77.1.0/24", "10.77.2.0/24", "172.20.1.0/24", "10.77.3.0/24"], routes)).toBe("10.77.3.0/24");
  expect(() => chooseSubnet(["10.77.1.0/24"], routes)).toThrow("no free subnet");
});

test("an address and its MAC follow from each other", () => {
  expect(macOf("192.168.99.11")).toBe("02:5e:c0:a8:63:0b");
});

const address = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const bits = fc.integer({ min: 16, max: 29 });

test("parsing a printed address gives it back", () => {
  fc.assert(fc.property(address, (number) => parseAddress(formatAddress(number)) === number));
});

test("allocations never overlap what is taken, nor leave the subnet", () => {
  fc.assert(
    fc.property(
      address,
      bits,
      fc.uniqueArray(fc.integer({ min: 2, max: 60 })),
      fc.nat(4),
      (number, length, taken, count) => {
        const subnet = { network: (number & (-1 << (32 - length))) >>> 0, bits: length };
        const last = 2 ** (32 - length) - 2;
        const used = new Set(taken);
        const room = Array.from({ length: last - 1 }, (_, i) => i + 2).filter((i) => !used.has(i)).length;
        fc.pre(room >= count);
        const indices = allocateIndices(subnet, used, count);
        expect(new Set(indices).size).toBe(count);
        for (const index of indices) {
          expect(used.has(index)).toBe(false);
          expect(index).toBeGreaterThan(1);
          expect(index).toBeLessThanOrEqual(last);
          const one = { network: parseAddress(addressIn(subnet, index)) ?? -1, bits: 32 };
          expect(overlaps(subnet, one)).toBe(true);
        }
      },
    ),
  );
});
