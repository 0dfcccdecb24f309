import { expect, test } from "vitest";
import { routedQuery } from "./routed-query.ts";

const of = (query: string) => routedQuery(new URLSearchParams(query));

test("the same route is the same text", () => {
  expect(of("serviceName=web&port=80&distribute=true")).toBe(of("port=80&serviceName=web&Distribute=TRUE&dryRun=true"));
});

test("no key and no token is in it, however the parameter is written", () => {
  for (const name of ["serviceCert", "servicecert", "SERVICECERT", "token", "Token"])
    expect(of(`serviceName=web&${name}=KEY`)).toBe("serviceName=web");
});
