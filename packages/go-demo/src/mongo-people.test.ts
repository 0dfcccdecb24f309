import { expect, test } from "vitest";
import { openMongoPeople } from "./mongo-people.ts";
import { patienceMs } from "./people.ts";
import { TestMongo } from "./test-mongo.ts";

test("people are documents of test.people, by their names; nobody is there twice", async () => {
  using mongo = await TestMongo.start();
  const people = await openMongoPeople(mongo.url);
  for (const name of ["Ada", "Viktor", "Ada"]) await people.add(name);
  expect(await people.names()).toEqual(["Ada", "Viktor"]);
  await people.close();
  expect([...mongo.documents.values()]).toEqual([
    { _id: "Ada", name: "Ada" },
    { _id: "Viktor", name: "Viktor" },
  ]);
  expect(mongo.asked.filter((command) => !command.startsWith("endSessions"))).toEqual([
    ...Array.from({ length: 3 }, () => "update test.people"),
    "find test.people",
  ]);
});

test("a database that does not answer is waited for no longer than promised", async () => {
  using mongo = await TestMongo.start();
  const people = await openMongoPeople(mongo.url);
  mongo.isSilent = true;
  const asked = performance.now();
  await expect(people.names()).rejects.toThrow(/timed out/);
  expect(performance.now() - asked).toBeGreaterThan(patienceMs - 100);
  await people.close();
}, 20_000);

test("a database that is not there is an error", async () => {
  const { url } = await TestMongo.start().then((mongo) => {
    using gone = mongo;
    return { url: gone.url };
  });
  await expect(openMongoPeople(url)).rejects.toThrow(/ECONNREFUSED/);
}, 20_000);
