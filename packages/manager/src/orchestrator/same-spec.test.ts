import { expect, test } from "vitest";
import { sameSpec } from "./same-spec.ts";

test("the order of keys does not matter, that of lists does", () => {
  expect(sameSpec({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toBe(true);
  expect(sameSpec({ Args: ["a", "b"] }, { Args: ["b", "a"] })).toBe(false);
});

test("something empty is the same as nothing", () => {
  expect(sameSpec({ Labels: {}, Env: [], DNSConfig: { Search: [] } }, { Mounts: null })).toBe(true);
  expect(sameSpec({ ForceUpdate: 0, Runtime: "container", Isolation: "default" }, {})).toBe(true);
});

test("zero, false and empty words say something", () => {
  expect(sameSpec({ Init: false }, {})).toBe(false);
  expect(sameSpec({ Delay: 0 }, {})).toBe(false);
  expect(sameSpec({ Labels: { a: "" } }, {})).toBe(false);
  expect(sameSpec({ Args: [""] }, { Args: [] })).toBe(false);
  expect(sameSpec({ ForceUpdate: 1 }, {})).toBe(false);
});

test("a key more or less, or another value, is a difference", () => {
  expect(sameSpec({ a: 1 }, { a: 1, b: 2 })).toBe(false);
  expect(sameSpec({ a: 1, b: 2 }, { a: 1 })).toBe(false);
  expect(sameSpec({ a: 1 }, { b: 1 })).toBe(false);
  expect(sameSpec({ a: [1] }, { a: { 0: 1 } })).toBe(false);
});
