import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { silentLogger, systemClock } from "@skep/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Reader } from "../store.ts";
import { EmbeddedStore } from "./embedded-store.ts";

const kills = 26;
const crashWriter = fileURLToPath(new URL("../../test/crash-writer.ts", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "skep-crash-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a store whose process is killed at any instant has every acknowledged write, and no half of one", {
  timeout: 120_000,
}, async () => {
  const path = join(folder, "store.db");
  const acknowledged: string[] = [];
  let revision = 0;
  for (let kill = 0; kill < kills; kill++) {
    const before = acknowledged.length;
    acknowledged.push(...(await writeUntilKilled(path, kill)));
    await using store = await reopen(path);
    const view = store.view();
    expect(acknowledged.filter((key) => partsOf(view, key) !== 3)).toEqual([]);
    expect(view.count("service")).toBe(3 * view.revision + (view.revision > 0 ? 1 : 0));
    expect(view.revision).toBeGreaterThanOrEqual(revision + acknowledged.length - before);
    const last = view.get("service", "last");
    expect(last?.version ?? 0).toBe(view.revision);
    if (last) expect(partsOf(view, last.spec.Name ?? "")).toBe(3);
    revision = view.revision;
  }
  expect(acknowledged.length).toBeGreaterThan(kills);
});

const partsOf = (view: Reader, key: string) =>
  ["x", "y", "z"].filter((part) => view.get("service", `${key}-${part}`)).length;

async function reopen(path: string) {
  const store = await EmbeddedStore.open(path, { clock: systemClock, logger: silentLogger });
  return { view: () => store.view(), [Symbol.asyncDispose]: () => store.close() };
}

/** The keys that the writer had printed when it was killed: soon after it had begun to write, now and then before. */
async function writeUntilKilled(path: string, kill: number): Promise<string[]> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "compiled") };
  const child = spawn(process.execPath, [crashWriter, path], { env, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const exited = once(child, "close");
  if (kill % 4 !== 3) await Promise.race([once(child.stdout, "data"), exited]);
  await sleep(Math.random() * 100);
  child.kill("SIGKILL");
  await exited;
  expect(child.signalCode).toBe("SIGKILL");
  return printed.split("\n").slice(0, -1);
}
