import { expect, test } from "vitest";
import { familiarImage, isDigested, isImageId, registryOf } from "./image-reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.each([
  ["alpine", "alpine:latest"],
  ["alpine:3", "alpine:3"],
  ["library/alpine", "alpine:latest"],
  ["docker.io/library/alpine:3", "alpine:3"],
  ["index.docker.io/library/alpine:3", "alpine:3"],
  ["docker.io/me/app", "me/app:latest"],
  ["localhost:5000/app", "localhost:5000/app:latest"],
  ["localhost/app:1", "localhost/app:1"],
  ["registry.example.com/library/app", "registry.example.com/library/app:latest"],
  [`alpine:3@${digest}`, `alpine:3@${digest}`],
  [`docker.io/library/alpine@${digest}`, `alpine@${digest}`],
  [digest, digest],
])("%s is %s", (reference, familiar) => {
  expect(familiarImage(reference)).toBe(familiar);
});

test("knows registries, digests and image ids", () => {
  expect(["alpine", "me/app", "localhost/a", "r.io/a/b", "r:5000/a"].map(registryOf)).toEqual([
    "docker.io",
    "docker.io",
    "localhost",
    "r.io",
    "r:5000",
  ]);
  expect([`a@${digest}`, "a:1"].map(isDigested)).toEqual([true, false]);
  expect([digest, `a@${digest}`].map(isImageId)).toEqual([true, false]);
});
