import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { statfs, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DomainError, silentLogger, systemClock } from "@skep/model";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EmbeddedStore } from "../src/embedded/embedded-store.ts";
import { service } from "./objects.ts";

const isRoot = process.getuid?.() === 0;
let mount: string;
beforeAll(() => {
  mount = mkdtempSync(join(tmpdir(), "skep-full-"));
  if (isRoot) execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", mount]);
});
afterAll(() => {
  if (isRoot) execFileSync("umount", [mount]);
  rmSync(mount, { recursive: true });
});

test.skipIf(!isRoot)("a full disk refuses writes with the reason; with room again the store goes on", async () => {
  const path = join(mount, "store.db");
  const open = () => EmbeddedStore.open(path, { clock: systemClock, logger: silentLogger });
  const store = await open();
  const put = (id: string) =>
    store.update((tx) => {
      for (const part of ["x", "y"])
        tx.put("service", { ...service(`${id}-${part}`), registryAuth: "-".repeat(20_000) });
    });
  await put("before");
  const ballast = join(mount, "ballast");
  const { bavail, bsize } = await statfs(mount);
  await writeFile(ballast, Buffer.alloc(bavail * bsize - 8192));

  const refused = await Promise.all(
    ["a", "b", "c"].map((id) => put(id).catch((err: DomainError) => [err.code, err.message])),
  );
  const reason = `no space left to write to the store ${path} (database or disk is full)`;
  expect(new Set(refused.flat())).toEqual(
    new Set(["unavailable", `${reason}: nothing was changed; free some space and try again`]),
  );
  expect(store.view().count("service")).toBe(2);
  expect(store.view().revision).toBe(1);

  await unlink(ballast);
  await put("a");
  expect(store.view().revision).toBe(2);
  await store.close();
  const again = await open();
  expect([...again.view().all("service")].map(({ id }) => id as string).sort()).toEqual([
    "a-x",
    "a-y",
    "before-x",
    "before-y",
  ]);
  await again.close();
});
