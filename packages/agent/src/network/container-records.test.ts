import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@skep/model";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ContainerRecord } from "./container-record.ts";
import { ContainerRecords } from "./container-records.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "skep-records-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record = (containerId: string): ContainerRecord => ({
  containerId,
  name: `web.${containerId}`,
  interfaces: [],
  hostPorts: [],
  servers: [],
});
const open = () => new ContainerRecords(folder, silentLogger);

test("what is known of a container survives the process", () => {
  open().put(record("c1"));
  expect(open().get("c1")).toEqual(record("c1"));
  const again = open();
  again.remove("c1");
  again.remove("c1");
  expect(open().get("c1")).toBeUndefined();
  expect(readdirSync(folder)).toEqual([]);
});

test("a record that a crash cut short is left out, the others are there", () => {
  open().put(record("c1"));
  writeFileSync(join(folder, "c2.json"), '{"containerId": "c2", "na');
  writeFileSync(join(folder, "c3.json.new"), "{");
  expect([...open().all()].map(({ containerId }) => containerId)).toEqual(["c1"]);
});
