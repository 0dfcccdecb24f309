import { fileURLToPath } from "node:url";
import { runForBytes } from "./run-command.ts";

/**
 * `busybox`: its applets alone. `web`: nginx on port 80, and `whoami PORT...`, which say who answers and who asked. `proxy`:
 * the reverse proxy. `go-demo`, `redis` and `util`: what else the chapter needs.
 */
export type ImageRecipe = "busybox" | "web" | "proxy" | "go-demo" | "redis" | "util";

export interface TestImage {
  /** A root file system, as a tar archive. */
  readonly archive: Buffer;
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
}

/** An image of this machine's own programs. */
export async function buildTestImage(recipe: ImageRecipe = "busybox"): Promise<TestImage> {
  const archive = await run(recipe);
  const changes = (await run(recipe, "--changes")).toString("utf8").trim();
  return { archive, changes: changes.split("\n") };
}

async function run(recipe: ImageRecipe, ...args: readonly string[]): Promise<Buffer> {
  const script = fileURLToPath(new URL(`../../../images/${recipe}.sh`, import.meta.url));
  const { stdout, stderr, code } = await runForBytes(["sh", script, ...args], {});
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}
