import { type ChildProcess, spawn } from "node:child_process";
import { DomainError } from "@skep/model";

/**
 * One lock for all roots: subnets, the host's ip_forward and the bridge of each root are decided under it. It is taken on
 * a folder that is there anyway, so that no lock file is left behind.
 */
const lockedFolder = "/run";

/**
 * Runs `work` while this process holds the machine-wide lock. flock(1) holds it for us and lets go when its standard
 * input closes, so a killed process never leaves it locked.
 */
export async function withMachineLock<T>(
  work: () => Promise<T>,
  signal?: AbortSignal,
  file = lockedFolder,
): Promise<T> {
  const holder = spawn("flock", [file, "sh", "-c", "echo locked; exec cat"], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => {
    holder.once("error", () => resolve());
    holder.once("close", () => resolve());
  });
  const giveUp = () => holder.kill("SIGKILL");
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    const refusal = await untilLocked(holder, ended);
    signal?.throwIfAborted();
    if (refusal !== undefined) throw new DomainError("unavailable", `cannot take the lock ${file}: ${refusal}`);
    signal?.removeEventListener("abort", giveUp);
    return await work();
  } finally {
    signal?.removeEventListener("abort", giveUp);
    holder.stdin.end();
    await ended;
  }
}

/** Resolves when the lock is ours, or else with what flock said. */
async function untilLocked(holder: ChildProcess, ended: Promise<void>): Promise<string | undefined> {
  let said = "";
  holder.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  const got = new Promise<boolean>((resolve) => {
    holder.stdout?.once("data", () => resolve(true));
    void ended.then(() => resolve(false));
  });
  return (await got) ? undefined : said.trim() || "flock did not start (npm run setup installs it)";
}
