import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DataRootBusy, lockDataRoot, writeFileAtomically } from "./data-root.ts";

const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), "skepd-root-"));
  folders.push(made);
  return made;
};

afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true });
});

test("a second daemon on the same data root is refused until the first lets go", () => {
  const root = folder();
  const first = lockDataRoot(root);
  expect(() => lockDataRoot(root)).toThrow(DataRootBusy);
  first[Symbol.dispose]();
  using second = lockDataRoot(root);
  expect(second.path).toContain(root);
});

test("the lock takes no room, which a full disk would not have", () => {
  const root = folder();
  using _lock = lockDataRoot(root);
  expect(readdirSync(root)).toEqual(["skepd.lock"]);
  expect(statSync(join(root, "skepd.lock")).size).toBe(0);
});

test("an atomic write leaves the new content and no temporary file", () => {
  const root = folder();
  writeFileAtomically(join(root, "x.json"), "one");
  writeFileAtomically(join(root, "x.json"), "two");
  expect(readFileSync(join(root, "x.json"), "utf8")).toBe("two");
  expect(readdirSync(root)).toEqual(["x.json"]);
});

test("an atomic write that fails says where and why, and leaves things as they were", () => {
  const root = folder();
  mkdirSync(join(root, "x.json"));
  expect(() => writeFileAtomically(join(root, "x.json"), "one")).toThrow(
    /^cannot write .*x\.json \(EISDIR: .*\): nothing was changed$/,
  );
  expect(readdirSync(root)).toEqual(["x.json"]);
});
