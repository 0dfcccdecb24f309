import fc from "fast-check";
import { expect, test } from "vitest";
import type { Rendered } from "../render/rendered.ts";
import type { CheckFailure } from "./alerts.ts";
import { type Candidate, settle } from "./quarantine.ts";

/** A version is a line; `bad` in it makes HAProxy complain of the line, `odd` makes it complain of nothing in particular. */
const render = (lines: readonly string[]): Rendered => ({
  config: `${lines.join("\n")}\n`,
  structure: "",
  servers: [],
  files: new Map(),
  blame: lines.map((line, i) => ({ serviceName: line.split(" ")[0] ?? "", from: i + 1, to: i + 1 })),
});

const check = async ({ config }: Rendered): Promise<CheckFailure | undefined> => {
  const lines = config.split("\n");
  const bad = lines.flatMap((line, i) =>
    line.includes("bad") ? [{ message: `line ${i + 1} is bad`, lines: [i + 1] }] : [],
  );
  const odd = lines.some((line) => line.includes("odd")) ? [{ message: "something is odd", lines: [] }] : [];
  const alerts = bad.length > 0 ? bad : odd;
  return alerts.length > 0 ? { alerts } : undefined;
};

const service = (serviceName: string, ...versions: string[]): Candidate<string> => ({
  serviceName,
  versions: versions.map((version) => `${serviceName} ${version}`),
});
const proven = (candidate: Candidate<string>): Candidate<string> => ({ ...candidate, proven: true });

const settled = async (candidates: readonly Candidate<string>[]) => {
  const { rendered, rejected, checks } = await settle({ candidates, render, check });
  return { lines: rendered.config.trim().split("\n"), rejected: Object.fromEntries(rejected), checks };
};

test("what HAProxy takes as it is costs one check", async () => {
  expect(await settled([service("a", "good"), service("b", "good")])).toEqual({
    lines: ["a good", "b good"],
    rejected: {},
    checks: 1,
  });
});

test("a bad service is left out, with HAProxy's words, and the others are not", async () => {
  expect(await settled([service("a", "good"), service("b", "bad"), service("c", "good")])).toEqual({
    lines: ["a good", "c good"],
    rejected: { b: "line 2 is bad" },
    checks: 2,
  });
});

test("all bad services are found by one check more, however many there are", async () => {
  const many = Array.from({ length: 100 }, (_, i) => service(`s${i}`, i % 3 === 0 ? "bad" : "good"));
  const { lines, checks } = await settled(many);
  expect(lines).toHaveLength(66);
  expect(checks).toBe(2);
});

test("a bad version gives way to the last good one", async () => {
  expect(await settled([service("a", "bad new", "good old"), service("b", "good")])).toEqual({
    lines: ["a good old", "b good"],
    rejected: { a: "line 1 is bad" },
    checks: 2,
  });
});

test("a service none of whose versions is good is left out", async () => {
  expect(await settled([service("a", "bad new", "bad old"), service("b", "good")])).toMatchObject({
    lines: ["b good"],
    rejected: { a: "line 1 is bad" },
  });
});

test("a service that HAProxy does not name is found by halves", async () => {
  const many = Array.from({ length: 1000 }, (_, i) => service(`s${i}`, i === 617 ? "odd" : "good"));
  const { rejected, checks } = await settled(many);
  expect(rejected).toEqual({ s617: "something is odd" });
  expect(checks).toBeLessThanOrEqual(13);
});

test("of two that an alert mentions, the one that runs already stays", async () => {
  const candidates = [proven(service("a", "twin")), service("b", "twin")];
  const twins = async ({ config }: Rendered) => {
    if (!/twin\n.*twin/.test(config)) return undefined;
    return { alerts: [{ message: "backend 'twin' declared at line 1", lines: [1, 2] }] };
  };
  const { chosen, rejected } = await settle({ candidates, render, check: twins });
  expect([...chosen.keys()]).toEqual(["a"]);
  expect([...rejected.keys()]).toEqual(["b"]);
});

test("services that are not proven are suspected before those that are", async () => {
  const pair = async ({ config }: Rendered) =>
    config.includes("left") && config.includes("right") ? { alerts: [{ message: "odd pair", lines: [] }] } : undefined;
  const candidates = [service("new", "left"), proven(service("old", "right"))];
  const { chosen } = await settle({ candidates, render, check: pair });
  expect([...chosen.keys()]).toEqual(["old"]);
});

test("a config that HAProxy refuses without any service is an error", async () => {
  const never = async () => ({ alerts: [{ message: "bind: no such address", lines: [] }] });
  await expect(settle({ candidates: [service("a", "good")], render, check: never })).rejects.toThrow(
    "bind: no such address",
  );
  await expect(settle({ candidates: [], render, check: never })).rejects.toThrow("bind: no such address");
});

test("whatever is bad, the good ones stay and HAProxy takes the result", async () => {
  const version = fc.constantFrom("good", "bad", "odd");
  const versions = fc.array(version, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(versions, { maxLength: 5 }), async (all) => {
      const candidates = all.map((each, i) => service(`s${i}`, ...each));
      const { rendered, chosen, rejected } = await settle({ candidates, render, check });
      expect(await check(rendered)).toBeUndefined();
      for (const { serviceName, versions: own } of candidates) {
        expect(chosen.get(serviceName)).toBe(own.find((each) => each.endsWith("good")));
        expect(rejected.has(serviceName)).toBe(!own[0]?.endsWith("good"));
      }
    }),
    { numRuns: 200 },
  );
});
