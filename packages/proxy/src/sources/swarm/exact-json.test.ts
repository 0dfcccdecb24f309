import { expect, test } from "vitest";
import { parseExactly } from "./exact-json.ts";

test.each([
  '{"Delay":9223372036854775807,"Replicas":5}',
  '{"MaxFailureRatio":0.15,"Small":1e-05,"Big":1.0}',
  '{"Memory":-9007199254740993,"Labels":{"a":"9223372036854775807"},"List":[1,18446744073709551615,null,true]}',
])("%s comes out as it went in", (text) => {
  expect(JSON.stringify(parseExactly(text))).toBe(text);
});

test("numbers that fit are numbers", () => {
  expect(parseExactly('{"Index":158}')).toEqual({ Index: 158 });
});
