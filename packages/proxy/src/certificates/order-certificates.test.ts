import fc from "fast-check";
import { expect, test } from "vitest";
import type { Certificate } from "./certificate.ts";
import { matchesGlob, orderCertificates } from "./order-certificates.ts";

const order = (preferred: string[], ...paths: string[]) =>
  orderCertificates(
    paths.map((path) => ({ path }) as Certificate),
    preferred,
  ).map(({ path }) => path);

test("preferred certificates come first, in the order of the globs, the others as they were", () => {
  expect(order(["z.*", "*wild*"], "/certs/a.pem", "/certs/wild.pem", "/certs/z.pem", "/run/secrets/cert-b")).toEqual([
    "/certs/z.pem",
    "/certs/wild.pem",
    "/certs/a.pem",
    "/run/secrets/cert-b",
  ]);
});

test("a glob is for the file's name or its whole path", () => {
  expect(order(["/run/*"], "/certs/a.pem", "/run/secrets/cert-b")).toEqual(["/run/secrets/cert-b", "/certs/a.pem"]);
  expect(order(["cert-b"], "/certs/a.pem", "/run/secrets/cert-b")).toEqual(["/run/secrets/cert-b", "/certs/a.pem"]);
});

test("without preferences nothing moves", () => {
  expect(order([], "/certs/b", "/certs/a")).toEqual(["/certs/b", "/certs/a"]);
  expect(order([""], "/certs/b", "/certs/a")).toEqual(["/certs/b", "/certs/a"]);
});

test("a glob matches what the same regular expression matches", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
  const glob = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 6 });
  fc.assert(
    fc.property(text, glob, (text, glob) => {
      expect(matchesGlob(text, glob)).toBe(new RegExp(`^${glob.replaceAll("*", ".*")}$`).test(text));
    }),
    { numRuns: 2000 },
  );
});
