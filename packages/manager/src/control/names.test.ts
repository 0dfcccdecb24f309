import { expect, test } from "vitest";
import { inventName, validateDnsName } from "./names.ts";

test.for(["a", "web", "my-web_2", "0", "a--b", "A".repeat(63)])("%s is a name", (name) => {
  expect(() => validateDnsName(name)).not.toThrow();
});

test.for([
  ["", "meta: name must be provided"],
  ["a.b", "name must be valid as a DNS name component"],
  ["-a", "name must be valid as a DNS name component"],
  ["a_", "name must be valid as a DNS name component"],
  ["a\n", "name must be valid as a DNS name component"],
  [`${"a".repeat(5000)}!`, "name must be valid as a DNS name component"],
  ["a".repeat(64), "name must be 63 characters or fewer"],
])("refuses %j", ([name, message]) => {
  expect(() => validateDnsName(name)).toThrow(`rpc error: code = InvalidArgument desc = ${message}`);
});

test("invents names that it would accept", () => {
  for (let pick = 0; pick < 50; pick++) {
    const name = inventName((count) => pick % count);
    expect(() => validateDnsName(name)).not.toThrow();
  }
});
