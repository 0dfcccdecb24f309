import fc from "fast-check";
import { expect, test } from "vitest";
import { describeCertificateStep, planCertificates } from "./plan-certificates.ts";

const certificate = (name: string, version = "1", names: readonly string[] = [name]) => ({
  path: `/certs/${name}`,
  pem: `${name} ${version}`,
  names,
});
type Listed = ReturnType<typeof certificate>;

const plan = (running: Listed[], wanted: Listed[]) =>
  planCertificates(running, wanted)?.map(describeCertificateStep) ?? "reload";

const [a, b, c, d] = [certificate("a"), certificate("b"), certificate("c"), certificate("d")];

test("what runs as it is wanted needs nothing", () => {
  expect(plan([], [])).toEqual([]);
  expect(plan([a, b], [a, b])).toEqual([]);
});

test("certificates are renewed, added and removed at run time", () => {
  expect(plan([a, b, c], [a, certificate("b", "2"), d])).toEqual([
    "~ certificate /certs/b",
    "+ certificate /certs/d",
    "- certificate /certs/c",
  ]);
  expect(plan([a], [certificate("a", "2")])).toEqual(["~ certificate /certs/a"]);
});

test("a step carries the whole certificate", () => {
  expect(planCertificates([a], [a, b])).toEqual([{ do: "add", path: "/certs/b", pem: "b 1" }]);
});

test("the first certificate, and the last one's end, need a reload", () => {
  expect(plan([], [a])).toBe("reload");
  expect(plan([a], [])).toBe("reload");
});

test("another default needs a reload: HAProxy does not let go of the one it has", () => {
  expect(plan([b], [a, b])).toBe("reload");
  expect(plan([a, b], [b])).toBe("reload");
  expect(plan([a, b], [b, a])).toBe("reload");
});

test("a certificate above HAProxy's buffer needs a reload", () => {
  expect(plan([a], [a, certificate("b", "x".repeat(15_000))])).toBe("reload");
});

test("the order of certificates for different names does not matter", () => {
  expect(plan([a, b, d], [a, d, b])).toEqual([]);
  expect(plan([a, d], [a, b, d])).toEqual(["+ certificate /certs/b"]);
});

test("of two certificates for one name the first of the list wins, so it is not renewed behind the other", () => {
  const [x, y] = [certificate("x", "1", ["www"]), certificate("y", "1", ["www"])];
  expect(plan([a, x, y], [a, certificate("x", "2", ["www"]), y])).toBe("reload");
  expect(plan([a, x, y], [a, x, certificate("y", "2", ["www"])])).toEqual(["~ certificate /certs/y"]);
  expect(plan([a, y], [a, x, y])).toBe("reload");
  expect(plan([a, x], [a, x, y])).toEqual(["+ certificate /certs/y"]);
  expect(plan([a, x, y], [a, y, x])).toBe("reload");
  expect(plan([a, x, y], [a, y])).toEqual(["- certificate /certs/x"]);
  expect(plan([a, x, y], [a, certificate("x", "2", ["www"]), certificate("y", "2", ["www"])])).toEqual([
    "~ certificate /certs/x",
    "~ certificate /certs/y",
  ]);
});

test("after the steps HAProxy answers for each name with the certificate that a reload would choose", () => {
  const names = fc.subarray(["www", "api", "shop"], { minLength: 1 });
  const one = fc.record({ name: fc.constantFrom("a", "b", "c", "d"), version: fc.constantFrom("1", "2"), names });
  const list = fc
    .uniqueArray(one, { selector: ({ name }) => name })
    .map((all) => all.map(({ name, version, names }) => certificate(name, version + names, names)));
  fc.assert(
    fc.property(list, list, (running, wanted) => {
      const steps = planCertificates(running, wanted);
      if (!steps) return;
      // As HAProxy: the default stays, what is renewed or added goes to the end of its names' queues.
      const wantedByPath = new Map(wanted.map((each) => [each.path, each]));
      let queue = running;
      for (const { do: what, path } of steps) {
        const next = wantedByPath.get(path);
        queue = queue.filter((each) => each.path !== path);
        if (what !== "remove" && next) queue = [...queue, next];
      }
      for (const name of ["www", "api", "shop"]) {
        const holder = (all: readonly Listed[]) => all.find((each) => each.names.includes(name))?.pem;
        expect(holder(queue)).toBe(holder(wanted));
      }
      expect(new Set(queue.map(({ pem }) => pem))).toEqual(new Set(wanted.map(({ pem }) => pem)));
    }),
    { numRuns: 3000 },
  );
});
