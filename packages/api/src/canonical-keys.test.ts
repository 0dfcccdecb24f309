import { expect, test } from "vitest";
import { canonicalKeys } from "./canonical-keys.ts";

test("spells known keys as Go's structs do, and leaves the others", () => {
  expect(canonicalKeys({ driver: "overlay", NAME: "n", x: 1 }, ["Driver", "Name"])).toEqual({
    Driver: "overlay",
    Name: "n",
    x: 1,
  });
});

test("prefers the exact key", () => {
  expect(canonicalKeys({ Name: "exact", name: "other" }, ["Name"])).toEqual({ Name: "exact" });
});
