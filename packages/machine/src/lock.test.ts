import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { withMachineLock } from "./lock.ts";

const folder = mkdtempSync(join(tmpdir(), "skep-lock-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("work under the lock never overlaps", async () => {
  const file = join(folder, "one");
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await new Promise(setImmediate);
    events.push(`${name} ends`);
  };
  await Promise.all(["a", "b", "c"].map((name) => withMachineLock(work(name), undefined, file)));
  for (let i = 0; i < events.length; i += 2) {
    expect(events[i + 1]).toBe(events[i]?.replace("begins", "ends"));
  }
  expect(events).toHaveLength(6);
});

test("a failure lets go of the lock", async () => {
  const file = join(folder, "two");
  const failing = withMachineLock(() => Promise.reject(new Error("no")), undefined, file);
  await expect(failing).rejects.toThrow("no");
  expect(await withMachineLock(async () => "mine", undefined, file)).toBe("mine");
});

test("waiting for the lock ends when it is given up", async () => {
  const file = join(folder, "three");
  const holder = spawn("flock", [file, "sh", "-c", "echo locked; exec cat"]);
  await once(holder.stdout, "data");
  const giveUp = new AbortController();
  const waiting = withMachineLock(async () => "never", giveUp.signal, file);
  giveUp.abort();
  await expect(waiting).rejects.toThrow("aborted");
  holder.stdin.end();
  await once(holder, "close");
});
