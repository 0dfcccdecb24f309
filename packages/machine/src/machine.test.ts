import { expect, test } from "vitest";
import { checkMachineName, defaultMachineRoot, linkOf, prefixOf } from "./machine.ts";

test("the default root has the plain prefix, others one of their own", () => {
  expect(prefixOf(defaultMachineRoot)).toBe("skepm");
  expect(prefixOf(`${defaultMachineRoot}/`)).toBe("skepm");
  expect(prefixOf("/tmp/a")).toMatch(/^skep[0-9a-f]{5}$/);
  expect(prefixOf("/tmp/a")).not.toBe(prefixOf("/tmp/b"));
});

test("a link's name fits the 15 characters Linux allows, even in the largest subnet", () => {
  expect(linkOf({ prefix: prefixOf("/tmp/a"), index: 65534 }).length).toBeLessThanOrEqual(15);
});

test.each(["node-1", "a", "7", "web", "x".repeat(63)])("%s can name a node", (name) => {
  expect(() => checkMachineName("/m", name)).not.toThrow();
});

test.each(["", "-a", "a-", "Node", "a.b", "../x", "a/b", "a b", "x".repeat(64), "ü"])(
  "%j cannot name a node",
  (name) => {
    expect(() => checkMachineName("/m", name)).toThrow("cannot name a node");
  },
);

test("a folder too deep for a unix socket is refused before anything is made", () => {
  expect(() => checkMachineName(`/${"d".repeat(90)}`, "node-1")).toThrow("longer than the 107 bytes Linux allows");
});
