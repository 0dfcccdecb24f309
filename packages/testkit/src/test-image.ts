import { fileURLToPath } from "node:url";
import { runForBytes } from "./run-command.ts";

const recipe = fileURLToPath(new URL("../../../images/busybox.sh", import.meta.url));

/** A root file system for containers, as a tar archive: this machine's busybox under the names of all its applets. */
export async function buildTestImage(): Promise<Buffer> {
  const { stdout, stderr, code } = await runForBytes(["sh", recipe], {});
  if (code !== 0) throw new Error(`${recipe}: ${stderr}`);
  return stdout;
}
