import { DomainError } from "@skep/model";
import { expect, test } from "vitest";
import { certificateNameOf, checkCertificateName } from "./certificate-name.ts";

test.each(["example.com.pem", "*.example.com", "müller.de", "a_b-c@d+e=f", "1"])("takes %j", (name) => {
  expect(() => checkCertificateName(name)).not.toThrow();
});

test.each([
  "../evil.pem",
  "/etc/passwd",
  "a/b.pem",
  "a\\b",
  "..",
  ".hidden",
  "",
  " ",
  "a b.pem",
  "a\nb.pem",
  "a\0b",
  "a;b",
  "a<<b",
  "[a]",
  "#a",
  "-c",
  "'a'",
])("refuses %j", (name) => {
  const problem = `${JSON.stringify(name)} is not a plain file name of letters, digits and . _ - * @ + =`;
  expect(() => checkCertificateName(name)).toThrow(
    new DomainError("invalid-parameter", `Query parameter certName is not valid: ${problem}`),
  );
});

test("refuses a name that is too long for the draft beside it", () => {
  expect(() => checkCertificateName("ü".repeat(101))).toThrow("the name is longer than 200 bytes");
});

const service = (...domains: (readonly string[])[]) =>
  ({ serviceName: "go-demo", destinations: domains.map((serviceDomain) => ({ serviceDomain })) }) as never;

test("serviceCert is named after the first domain of the first destination, else after the service", () => {
  expect(certificateNameOf(service(["a.com", "b.com"], ["c.com"]))).toBe("a.com");
  expect(certificateNameOf(service([], ["c.com"]))).toBe("go-demo");
  expect(certificateNameOf(service())).toBe("go-demo");
});
