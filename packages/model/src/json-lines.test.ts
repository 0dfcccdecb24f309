import fc from "fast-check";
import { expect, test } from "vitest";
import { JsonLines, jsonLine } from "./json-lines.ts";

const collect = (chunks: readonly Buffer[], maxBytes = 1000) => {
  const lines = new JsonLines(maxBytes);
  return chunks.flatMap((chunk) => [...lines.push(chunk)]);
};

test("values come out whole wherever the bytes were cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 20 }),
      (sent, size) => {
        const bytes = Buffer.from(sent.map(jsonLine).join(""));
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(JSON.stringify(collect(chunks, 1e6))).toBe(JSON.stringify(sent));
      },
    ),
  );
});

test("a character of several bytes may be cut in two", () => {
  const bytes = Buffer.from(jsonLine("🐝"));
  expect(collect([bytes.subarray(0, 3), bytes.subarray(3)])).toEqual(["🐝"]);
});

test("lines before a malformed one are still delivered", () => {
  const seen: unknown[] = [];
  expect(() => {
    for (const value of new JsonLines(100).push(Buffer.from('{"a":1}\nnonsense\n'))) seen.push(value);
  }).toThrow(SyntaxError);
  expect(seen).toEqual([{ a: 1 }]);
});

test("a line may not grow without bound, ended or not", () => {
  expect(() => collect([Buffer.alloc(60, "1"), Buffer.alloc(60, "1")], 100)).toThrow("more than 100 bytes");
  expect(() => collect([Buffer.from(`${"1".repeat(101)}\n`)], 100)).toThrow("more than 100 bytes");
  expect(collect([Buffer.from(`${"1".repeat(15)}\n`)], 15)).toEqual([111111111111111]);
});
