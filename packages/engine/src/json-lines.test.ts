import { expect, test } from "vitest";
import { jsonLines } from "./json-lines.ts";

const parse = (...chunks: (string | Uint8Array)[]) =>
  Array.fromAsync(
    jsonLines(
      (async function* () {
        yield* chunks;
      })(),
    ),
  );

test("parses values however the stream is cut", async () => {
  expect(await parse('{"a":', "1}\n\n", '{"b":2}\r\n{"c"', ":3}")).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
});

test("keeps a character that is split between chunks", async () => {
  const bytes = Buffer.from('"é"\n');
  expect(await parse(bytes.subarray(0, 2), bytes.subarray(2))).toEqual(["é"]);
});

test("refuses a line that is not JSON", async () => {
  await expect(parse("{}\nnope\n")).rejects.toThrow(SyntaxError);
});
