import fc from "fast-check";
import { expect, test } from "vitest";
import { caDigestOf, newJoinToken, parseJoinToken } from "./join-token.ts";

// A cluster that docker 20.10 made, with its worker token.
const dockerRoot =
  "-----BEGIN CERTIFICATE-----\nMIIBaTCCARCgAwIBAgIUUy9K7U+dLLxunueSri/kjkZKVCEwCgYIKoZIzj0EAwIw\nEzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIzMDcyMTAwWhcNNDYxMTE4MDcy\nMTAwWjATMREwDwYDVQQDEwhzd2FybS1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH\nA0IABETUcFx5yuBndmPnef6ZvEQbyUIYRnIkVTmz2F4tcyOUsNhTTecUWUJUQrzS\n8cxkxOqP/QgvZmWuNbSJ5C5dN9ujQjBAMA4GA1UdDwEB/wQEAwIBBjAPBgNVHRMB\nAf8EBTADAQH/MB0GA1UdDgQWBBTalfKIK10/4CJbqgJWlWbMx0g83TAKBggqhkjO\nPQQDAgNHADBEAiAP9Qwrl7/8VJnOxS2csCuKYUuMoZmNlKTf5MPXYqMEhQIgRCXR\nHfItz9JoMxHoX4F3xUmybU8TVNeiaj1obveNnFU=\n-----END CERTIFICATE-----\n";
const dockerToken = "SWMTKN-1-499yebmfk2yn7l17qjv7cjnph10ai2e4bmjuxrzzpdotseen3q-4vql6efqwbz6jgpf7ctnzhs18";

test("a token of docker carries the digest of its root certificate", () => {
  expect(parseJoinToken(dockerToken)).toEqual({
    caDigest: caDigestOf(dockerRoot),
    secret: "4vql6efqwbz6jgpf7ctnzhs18",
  });
});

test("a new token has docker's digest part and a secret of its own", () => {
  const token = newJoinToken(dockerRoot);
  expect(token.slice(0, 59)).toBe(dockerToken.slice(0, 59));
  expect(token).not.toBe(newJoinToken(dockerRoot));
  expect(token).toHaveLength(dockerToken.length);
});

test("the digest keeps its leading zeros", () => {
  const token = "SWMTKN-1-00000j34nat7ggy32x2frt18wv02dnof1w4zcb4ff0t9amndp2-29ijy5s9m4a28qcztorkr5wjc";
  expect(parseJoinToken(token).caDigest).toBe("000000d47bfad93d7810ce1b580812ccce33cf5044b60f4dd8d199835e3fb316");
});

test.each([
  "",
  "garbage",
  "SWMTKN-1-abc-def",
  `${dockerToken}0`,
  ` ${dockerToken}`,
  dockerToken.replace("-1-", "-2-"),
  dockerToken.toUpperCase(),
  `SWMTKN-1-${"z".repeat(50)}-${"0".repeat(25)}`,
])("%j is no join token", (token) => {
  expect(() => parseJoinToken(token)).toThrow("invalid join token");
});

test("nothing but a join token is one", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => parseJoinToken(text)).toThrow("invalid join token");
    }),
  );
});
