import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { setMember } from "./json-text.ts";

const set = (text: string) => setMember(text, ["runtimes", "skep"], { path: "/s" });
const unset = (text: string) => setMember(text, ["runtimes", "skep"], undefined);

describe("a member is set where the text's own style would have it", () => {
  test.each([
    ["{}\n", '{\n  "runtimes": {\n    "skep": {\n      "path": "/s"\n    }\n  }\n}\n'],
    ['{"debug":true}', '{"debug":true, "runtimes": {"skep":{"path":"/s"}}}'],
    [
      '{\n\t"dns": ["1.1.1.1", "8.8.8.8"]\n}',
      '{\n\t"dns": ["1.1.1.1", "8.8.8.8"],\n\t"runtimes": {\n\t\t"skep": {\n\t\t\t"path": "/s"\n\t\t}\n\t}\n}',
    ],
    [
      '{\n  "runtimes": {\n    "crun": { "path": "/c" }\n  },\n  "debug": true\n}',
      '{\n  "runtimes": {\n    "crun": { "path": "/c" },\n    "skep": {\n      "path": "/s"\n    }\n  },\n  "debug": true\n}',
    ],
    ['{"runtimes": {"crun": {"path":"/c"}}}', '{"runtimes": {"crun": {"path":"/c"}, "skep": {"path":"/s"}}}'],
    ['{"runtimes": {"skep": {"path":"/old"}}}', '{"runtimes": {"skep": {"path":"/s"}}}'],
    ['{"runtimes":{}}', '{"runtimes":{"skep": {"path":"/s"}}}'],
    ['{"runtimes":null}', '{"runtimes":{"skep":{"path":"/s"}}}'],
  ])("%j", (before, after) => {
    expect(set(before)).toBe(after);
    expect(set(after)).toBe(after);
  });
});

const json = fc.jsonValue({ maxDepth: 3 });
const name = fc.oneof(
  fc.string().filter((text) => text !== "__proto__"),
  fc.constantFrom("runtimes", "skep", 'a"b\\', "}"),
);
const other = fc.dictionary(name, json, { maxKeys: 4, noNullPrototype: true });
const object = fc.tuple(other, fc.option(other, { nil: undefined }), other).map(([a, runtimes, b]) => {
  const { runtimes: _a, ...before } = a;
  const { runtimes: _b, ...after } = b;
  return { ...before, ...(runtimes && { runtimes }), ...after } as Record<string, unknown>;
});
const text = fc.tuple(object, fc.constantFrom(undefined, 1, 2, 4, "\t"), fc.constantFrom("", "\n", " \n"));

test("all else keeps its meaning, and taking the member out gives back the text", () => {
  fc.assert(
    fc.property(text, ([value, indent, tail]) => {
      const before = `${JSON.stringify(value, undefined, indent)}${tail}`;
      const after = set(before);
      const runtimes = { ...(value.runtimes as object), skep: { path: "/s" } };
      expect(JSON.parse(after)).toEqual({ ...JSON.parse(before), runtimes: JSON.parse(JSON.stringify(runtimes)) });
      expect(Object.keys(JSON.parse(after)).filter((key) => key !== "runtimes")).toEqual(
        Object.keys(JSON.parse(before)).filter((key) => key !== "runtimes"),
      );
      const back = JSON.parse(unset(after));
      const { skep: _, ...others } = (value.runtimes ?? {}) as Record<string, unknown>;
      expect(back).toEqual(JSON.parse(JSON.stringify({ ...value, runtimes: others })));
      const hadOthers =
        Object.keys(others).length > 0 && Object.keys(others).length === Object.keys(value.runtimes ?? {}).length;
      if (hadOthers) expect(unset(after)).toBe(before);
    }),
    { numRuns: 500 },
  );
});

test("setting it again changes nothing", () => {
  fc.assert(
    fc.property(text, ([value, indent, tail]) => {
      const once = set(`${JSON.stringify(value, undefined, indent)}${tail}`);
      expect(set(once)).toBe(once);
    }),
    { numRuns: 200 },
  );
});

test("taking out what is not there changes nothing", () => {
  for (const one of ["{}", '{"runtimes":{}}', '{"runtimes":null}', '{"skep":{}}', '{"runtimes":"skep"}']) {
    expect(unset(one)).toBe(one);
  }
});
