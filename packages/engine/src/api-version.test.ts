import { expect, test } from "vitest";
import { clampApiVersion, compareApiVersions } from "./api-version.ts";

test("compares version numbers part by part", () => {
  expect(compareApiVersions("1.9", "1.41")).toBeLessThan(0);
  expect(compareApiVersions("1.41", "1.41")).toBe(0);
  expect(compareApiVersions("2.0", "1.50")).toBeGreaterThan(0);
  expect(compareApiVersions("1", "1.0")).toBe(0);
});

test("keeps to what the engine speaks", () => {
  expect(clampApiVersion("1.41", "1.12", "1.50")).toBe("1.41");
  expect(clampApiVersion("1.41", "1.44", "1.52")).toBe("1.44");
  expect(clampApiVersion("1.41", "1.12", "1.40")).toBe("1.40");
});
