import fc from "fast-check";
import { expect, test } from "vitest";
import { goJsonError, parseGoJson } from "./go-json.ts";

test.each([
  ["{bad", "invalid character 'b' looking for beginning of object key string"],
  ["x=1", "invalid character 'x' looking for beginning of value"],
  ["", "got EOF while reading request body"],
  [" \n", "got EOF while reading request body"],
  ["{", "unexpected EOF"],
  ['{"a', "unexpected EOF"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ["[1 2]", "invalid character '2' after array element"],
  ["[1,]", "invalid character ']' looking for beginning of value"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
  ["-x", "invalid character 'x' in numeric literal"],
  ["1.x", "invalid character 'x' after decimal point in numeric literal"],
  ["1e+x", "invalid character 'x' in exponent of numeric literal"],
  ["tru3", "invalid character '3' in literal true (expecting 'e')"],
  ["nul", "unexpected EOF"],
  ["'a'", "invalid character '\\'' looking for beginning of value"],
  ['{} {"a":1}', "unexpected content after JSON"],
  ["01", "unexpected content after JSON"],
])("complains of %j as Go does", (text, message) => {
  expect(() => parseGoJson(text)).toThrow(expect.objectContaining({ code: "invalid-parameter", message }));
});

test("refuses nesting beyond Go's limit instead of running out of stack", () => {
  expect(() => parseGoJson("[".repeat(10_001) + "]".repeat(10_001))).toThrow("exceeded max depth");
  expect(() => parseGoJson("[".repeat(9_999))).toThrow(/unexpected EOF|exceeded max depth/);
  expect(parseGoJson(`"${"[".repeat(20_000)}"`)).toHaveLength(20_000);
});

test("reads every JSON value, and has a complaint about any text that is none", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parseGoJson(text)).toEqual(JSON.parse(text));
    }),
  );
  const nearlyJson = fc.tuple(fc.json(), fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, noise]) => {
    const cut = at % (json.length + 1);
    return json.slice(0, cut) + noise + json.slice(cut + 1);
  });
  fc.assert(
    fc.property(nearlyJson, (text) => {
      try {
        JSON.parse(text);
      } catch {
        expect(goJsonError(text)).toMatch(
          /^(invalid character '.+' |unexpected EOF$|unexpected content after JSON$|got EOF )/s,
        );
      }
    }),
  );
});
