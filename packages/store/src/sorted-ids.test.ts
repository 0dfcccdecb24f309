import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedIds } from "./sorted-ids.ts";

test("finds the same ids as a scan, through any adding and removing", () => {
  const id = fc.stringMatching(/^[ab]{1,6}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("toggle", "look"), id), { maxLength: 60 }), (steps) => {
      const ids = new Set<string>();
      const sorted = new SortedIds();
      for (const [what, each] of steps) {
        if (what === "look") {
          expect([...sorted.withPrefix(each, () => ids)]).toEqual([...ids].filter((id) => id.startsWith(each)).sort());
        } else if (ids.delete(each)) sorted.remove(each);
        else {
          ids.add(each);
          sorted.add(each);
        }
      }
    }),
  );
});

test("is made anew when most of it has changed", () => {
  const ids = new Set<string>();
  const sorted = new SortedIds();
  expect([...sorted.withPrefix("", () => ids)]).toEqual([]);
  for (let i = 0; i < 5000; i++) {
    ids.add(`id${i}`);
    sorted.add(`id${i}`);
  }
  expect([...sorted.withPrefix("id499", () => ids)]).toHaveLength(11);
});
