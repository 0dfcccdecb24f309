import { expect, test } from "vitest";
import { databaseAddresses } from "./database-address.ts";

test("a host's name may be a Redis or a MongoDB", () => {
  expect(databaseAddresses("go-demo-db")).toEqual([
    { kind: "redis", host: "go-demo-db", port: 6379, url: "redis://go-demo-db" },
    { kind: "mongodb", host: "go-demo-db", port: 27017, url: "mongodb://go-demo-db" },
  ]);
  expect(databaseAddresses("db:7000").map(({ port }) => port)).toEqual([7000, 7000]);
});

test("a URL says which it is", () => {
  expect(databaseAddresses("redis://:secret@db:6380/1")).toEqual([
    { kind: "redis", host: "db", port: 6380, url: "redis://:secret@db:6380/1" },
  ]);
  expect(databaseAddresses("mongodb://db/test")[0]).toMatchObject({ kind: "mongodb", host: "db", port: 27017 });
});

test.each(["postgres://db", "http://", "a b", "", "redis://db:99999"])("%j is refused with what to give", (db) => {
  expect(() => databaseAddresses(db)).toThrow(/^DB is ".*: give /);
});
