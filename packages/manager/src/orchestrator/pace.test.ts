import type { ServiceId } from "@skep/model";
import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

const [large, small] = ["large", "small"] as ServiceId[] as [ServiceId, ServiceId];

test("a service that took long to plan rests four times as long, the others do not", () => {
  const pace = new Pace();
  pace.spent(large, 25, 1_000);
  pace.spent(small, 1, 1_000);
  expect(pace.restsUntil(large, 1_099)).toBe(1_100);
  expect(pace.restsUntil(large, 1_100)).toBeUndefined();
  expect(pace.restsUntil(small, 1_000)).toBeUndefined();
});
