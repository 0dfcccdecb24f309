import { expect, test } from "vitest";
import { pullQuery } from "./image-reference.ts";

test.each([
  ["alpine", "alpine", "latest"],
  ["alpine:3.20", "alpine", "3.20"],
  ["registry.example.com:5000/a/b", "registry.example.com:5000/a/b", "latest"],
  ["registry.example.com:5000/a/b:1", "registry.example.com:5000/a/b", "1"],
  ["alpine@sha256:ab", "alpine", "sha256:ab"],
  ["r:5/alpine:3@sha256:ab", "r:5/alpine", "sha256:ab"],
])("pulls %s as one image", (reference, fromImage, tag) => {
  expect(pullQuery(reference)).toEqual({ fromImage, tag });
});
