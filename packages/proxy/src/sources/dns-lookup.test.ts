import { expect, test } from "vitest";
import { dnsLookUp } from "./dns-lookup.ts";
import { serverFailure, startNameServer } from "./test-name-server.ts";

async function start(records: Record<string, readonly string[] | number>) {
  const server = await startNameServer(records);
  return { ...server, lookUp: dnsLookUp([server.address]) };
}

test("gives all addresses of a name", async () => {
  using server = await start({ "tasks.web": ["10.0.1.3", "10.0.1.4"] });
  expect(await server.lookUp("tasks.web")).toEqual(["10.0.1.3", "10.0.1.4"]);
});

test("asks again each time, whatever an answer's time to live", async () => {
  using server = await start({ "tasks.web": ["10.0.1.3"] });
  await server.lookUp("tasks.web");
  server.records["tasks.web"] = ["10.0.1.9"];
  expect(await server.lookUp("tasks.web")).toEqual(["10.0.1.9"]);
  expect(server.questions()).toBe(2);
});

test("a name that does not exist, or has no address, has none", async () => {
  using server = await start({ "tasks.empty": [] });
  expect(await server.lookUp("tasks.gone")).toEqual([]);
  expect(await server.lookUp("tasks.empty")).toEqual([]);
});

test("a name server in trouble is an error", async () => {
  using server = await start({ "tasks.web": serverFailure });
  await expect(server.lookUp("tasks.web")).rejects.toThrow("ESERVFAIL");
});
