import { fileURLToPath } from "node:url";
import { runForBytes } from "./run-command.ts";

/** `busybox`: its applets alone. `web`: nginx on port 80, and `whoami PORT...`, which say who answers and who asked. */
export type ImageRecipe = "busybox" | "web";

/** A root file system for containers, as a tar archive, of this machine's own programs. */
export async function buildTestImage(recipe: ImageRecipe = "busybox"): Promise<Buffer> {
  const script = fileURLToPath(new URL(`../../../images/${recipe}.sh`, import.meta.url));
  const { stdout, stderr, code } = await runForBytes(["sh", script], {});
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
  return stdout;
}
