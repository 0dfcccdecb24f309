import { expect, test } from "vitest";
import { bare, blockAt, blocksOverlap, formatAddress, formatBlock, parseAddress, parseBlock } from "./ipv4.ts";

test.each(["0.0.0.0", "10.0.1.5", "255.255.255.255", "172.31.99.11"])("reads and writes %s", (text) => {
  expect(formatAddress(parseAddress(text) ?? -1)).toBe(text);
});

test.each(["", "10.0.1", "10.0.1.256", "10.0.1.05", "10.0.1.5/24", "fd00::1", "10.0.1.x"])("refuses %j", (text) => {
  expect(parseAddress(text)).toBeUndefined();
});

test("reads networks in CIDR notation, without their host bits", () => {
  const block = parseBlock("10.0.1.77/24");
  expect(block && formatBlock(block)).toBe("10.0.1.0/24");
  expect(block && [formatAddress(block.first), formatAddress(block.last)]).toEqual(["10.0.1.0", "10.0.1.255"]);
  expect(["10.0.1.0", "10.0.1.0/33", "10.0.1.0/", "10.0.1.0/24/1", "fd00::/64"].map(parseBlock)).toEqual(
    Array.from({ length: 5 }, () => undefined),
  );
});

test("networks overlap when one holds the other", () => {
  const [wide, narrow, next] = [blockAt(0x0a000000, 8), blockAt(0x0a000100, 24), blockAt(0x0b000000, 8)];
  expect([blocksOverlap(wide, narrow), blocksOverlap(narrow, wide), blocksOverlap(wide, next)]).toEqual([
    true,
    true,
    false,
  ]);
});

test("an address is bare without its subnet's length", () => {
  expect(["10.0.1.5/24", "10.0.1.5"].map(bare)).toEqual(["10.0.1.5", "10.0.1.5"]);
});
