import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "@skep/testkit";

/** Tries `check` until it no longer throws; after `withinMs` its last error is thrown. */
export async function eventually<T>(check: () => T | Promise<T>, withinMs = 20_000, everyMs = 100): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(everyMs);
    }
  }
}

/** A docker CLI on this machine whose major version is at least `major`; undefined when there is none. */
export async function dockerCli(major: number): Promise<string | undefined> {
  for (const path of ["/usr/local/bin/docker", "/usr/bin/docker"]) {
    if (!existsSync(path)) continue;
    const { stdout } = await runCommand([path, "--version"]);
    if (Number(/version (\d+)/.exec(stdout)?.[1]) >= major) return path;
  }
  return undefined;
}
