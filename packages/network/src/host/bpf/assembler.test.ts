import { expect, test } from "vitest";
import { assemble, exit, jumpIf, label, load, set, setMap, store } from "./assembler.ts";

const hex = (...program: Parameters<typeof assemble>[0]) => assemble(program).toString("hex").match(/.{16}/g);

test("instructions are the bytes of the instruction set's standard", () => {
  expect(hex(set("r0", -1), load("u16", "r2", "r10", -12), store("u64", "r10", -8, "r7"), exit)).toEqual([
    "b7000000ffffffff",
    "69a2f4ff00000000",
    "7b7af8ff00000000",
    "9500000000000000",
  ]);
});

test("a jump counts slots, of which a map takes two", () => {
  expect(hex(jumpIf("r1", "=", 5, "end"), setMap("r1", 33), label("end"), exit)).toEqual([
    "1501020005000000",
    "1811000021000000",
    "0000000000000000",
    "9500000000000000",
  ]);
});

test("a jump to nowhere is an error", () => {
  expect(() => assemble([jumpIf("r1", "has", 1, "nowhere")])).toThrow("no label nowhere");
});
