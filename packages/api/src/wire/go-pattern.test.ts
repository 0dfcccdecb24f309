import fc from "fast-check";
import { expect, test } from "vitest";
import { matchesPattern } from "./go-pattern.ts";

test.each([
  ["front", "st_front", true],
  ["^front$", "st_front", false],
  ["^st_", "st_front", true],
  ["st_.*t$", "st_front", true],
  ["^(front|back)$", "back", true],
  ["f[or]+nt", "front", true],
  ["a.c", "abc", true],
  ["[", "front", false],
  ["(?=f)", "front", false],
])("%s in %s: %s", (pattern, text, expected) => {
  expect(matchesPattern(pattern, text)).toBe(expected);
});

test("no pattern takes long", () => {
  const piece = fc.constantFrom("a", "b", ".", "(", ")", "*", "+", "{1,9}", "|", "[ab]", "?", "^", "$", "\\1", "(a+)+");
  const name = `${"a".repeat(62)}!`;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const start = performance.now();
      matchesPattern(pieces.join(""), name);
      expect(performance.now() - start).toBeLessThan(500);
    }),
  );
});
