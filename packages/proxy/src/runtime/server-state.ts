import { rename, writeFile } from "node:fs/promises";
import type { CommandSocket } from "./command-socket.ts";
import { readOrNothing } from "./config-files.ts";

/** HAProxy warns of a file that is missing, and of one without a version. */
export async function ensureServerState(path: string): Promise<void> {
  if ((await readOrNothing(path)) === undefined) await writeFile(path, "1\n", { mode: 0o600 });
}

/**
 * What `show servers state` says, without the servers in maintenance: they are retired, and one that comes back with
 * the next config would stay in maintenance.
 */
export function keptServerState(dump: string): string {
  const lines = dump.split("\n").filter((line) => line !== "");
  const column = (lines[1] ?? "").replace(/^# /, "").split(" ").indexOf("srv_admin_state");
  const kept = lines.filter((line, i) => i < 2 || line.split(" ")[column] === "0");
  return `${kept.join("\n")}\n`;
}

/**
 * Saves for the next worker what this one knows of its servers: which fail their checks, and the last address of a
 * name. Without an answer the file stays as it is.
 */
export async function saveServerState(socket: CommandSocket, path: string): Promise<void> {
  const dump = await socket.askOrNothing("show servers state");
  if (!dump?.startsWith("1\n")) return;
  await writeFile(`${path}.new`, keptServerState(dump), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
