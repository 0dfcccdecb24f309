import fc from "fast-check";
import { expect, test } from "vitest";
import { nextRecord, noRoutes, type RouteRecord, routesOf, withRoutes } from "./route-labels.ts";

const web = "serviceName=web&servicePath=/web&port=8080";
const record = (revision: number, routes: Record<string, string>): RouteRecord => ({
  revision,
  routes: new Map(Object.entries(routes)),
});

test("each route is a label beside those that were there", () => {
  expect(withRoutes({ team: "edge", "com.df.http.old": "x" }, record(3, { web }))).toEqual({
    team: "edge",
    "com.df.httpRevision": "3",
    "com.df.http.web": web,
  });
});

test("labels without routes are revision 0", () => {
  expect(routesOf({ team: "edge", "com.df.notify": "true" })).toEqual(noRoutes);
  expect(routesOf({ "com.df.httpRevision": "many" })).toEqual(noRoutes);
});

test("labels give back any record", () => {
  const names = fc.string({ minLength: 1, unit: "grapheme" }).filter((name) => name !== "__proto__");
  const routes = fc.dictionary(names, fc.string());
  fc.assert(
    fc.property(fc.nat(), routes, (revision, all) => {
      const labels = withRoutes({ a: "b" }, record(revision, all));
      expect(routesOf(labels)).toEqual(record(revision, all));
    }),
  );
});

test("changes make the next revision", () => {
  const changes = new Map([
    ["api", "port=1"],
    ["web", undefined],
  ]);
  expect(nextRecord(record(4, { web }), record(4, { web }), changes)).toEqual(record(5, { api: "port=1" }));
});

test("what the labels hold already is not written again", () => {
  expect(nextRecord(record(4, { web }), record(2, {}), new Map([["web", web]]))).toBeUndefined();
  expect(nextRecord(record(4, {}), noRoutes, new Map([["web", undefined]]))).toBeUndefined();
});

test("labels that a deployed stack has replaced are put back, with what has changed meanwhile", () => {
  const found = routesOf({ team: "edge" });
  expect(nextRecord(found, record(7, { web, api: "port=1" }), new Map([["api", undefined]]))).toEqual(
    record(8, { web }),
  );
  expect(nextRecord(found, record(7, { web }), new Map())).toEqual(record(8, { web }));
});
