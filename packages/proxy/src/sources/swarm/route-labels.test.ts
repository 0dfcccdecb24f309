import fc from "fast-check";
import { expect, test } from "vitest";
import { nextRecord, noRoutes, type RouteRecord, routesOf, withRoutes } from "./route-labels.ts";

const web = "serviceName=web&servicePath=/web&port=8080";
/** `3 c b a`: revision 3, made by the writes a, b and c. */
function record(text: string, routes: Record<string, string>): RouteRecord {
  const [revision, ...writes] = text.split(" ");
  return { revision: Number(revision), writes, routes: new Map(Object.entries(routes)) };
}
const changes = (all: Record<string, string | undefined>) => new Map(Object.entries(all));

test("each route is a label beside those that were there", () => {
  expect(withRoutes({ team: "edge", "com.df.http.old": "x" }, record("3 c b a", { web }))).toEqual({
    team: "edge",
    "com.df.httpRevision": "3 c b a",
    "com.df.http.web": web,
  });
});

test("labels without a revision are revision 0", () => {
  expect(routesOf({ team: "edge", "com.df.notify": "true" })).toEqual(noRoutes);
  expect(routesOf({ "com.df.httpRevision": "many" })).toEqual(noRoutes);
});

test("labels give back any record", () => {
  const routes = fc.dictionary(fc.string({ minLength: 1, unit: "grapheme" }), fc.string());
  const writes = fc.array(fc.stringMatching(/^[a-z0-9]+$/), { maxLength: 5 });
  fc.assert(
    fc.property(fc.nat(), writes, routes, (revision, marks, all) => {
      const given = record([revision, ...marks].join(" "), all);
      expect(routesOf(withRoutes({ a: "b" }, given))).toEqual(given);
    }),
  );
});

test("changes make the next revision", () => {
  const next = nextRecord(record("2 b a", { web }), record("1 a", {}), changes({ api: "port=1", web: undefined }), "c");
  expect(next).toEqual(record("3 c b a", { api: "port=1" }));
});

test("what the labels hold already is not written again", () => {
  expect(nextRecord(record("2 b a", { web }), record("1 a", {}), changes({ web }), "c")).toBeUndefined();
  expect(nextRecord(record("2 b a", {}), noRoutes, changes({ web: undefined }), "c")).toBeUndefined();
  expect(nextRecord(record("2 b a", { web }), record("2 b a", { web }), changes({}), "c")).toBeUndefined();
});

test("labels that a deployed stack has replaced are put back, with what has changed meanwhile", () => {
  const seen = record("2 b a", { web, api: "port=1" });
  expect(nextRecord(noRoutes, seen, changes({}), "c")).toEqual(record("3 c b a", { web, api: "port=1" }));
  expect(nextRecord(noRoutes, seen, changes({ api: undefined }), "c")).toEqual(record("3 c b a", { web }));
});

test("a rollback does not bring back what was removed", () => {
  expect(nextRecord(record("1 a", { api: "port=1" }), record("2 b a", { web }), changes({}), "c")).toEqual(
    record("3 c b a", { web }),
  );
});

test("of two records that know nothing of each other no route is lost", () => {
  const [found, seen] = [record("1 x", { api: "port=1" }), record("2 b a", { web })];
  expect(nextRecord(found, seen, changes({}), "c")).toEqual(record("3 c b a", { web, api: "port=1" }));
  expect(nextRecord(record("2 y x", { web }), record("1 a", { web }), changes({}), "c")).toBeUndefined();
});

test("a replica that is far behind takes what it finds", () => {
  const writes = Array.from({ length: 32 }, (_, i) => `w${i}`).join(" ");
  expect(nextRecord(record(`100 ${writes}`, {}), record("2 b a", { web }), changes({}), "c")).toBeUndefined();
});
