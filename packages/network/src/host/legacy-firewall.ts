import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { Namespace } from "./kernel.ts";

const run = promisify(execFile);

/**
 * iptables on its old kernel interface, which nftables does not show. A machine has it only when somebody has used it:
 * the kernel lists the tables that are in use.
 */
export function legacyFirewall(host: Namespace) {
  const isUsed = () => host.enter(() => tablesInUse().includes("filter"));
  return {
    /** Lets `device` through in both directions, if that firewall drops what it forwards; tells what it did. */
    async allow(device: string): Promise<readonly string[]> {
      if (!isUsed()) return [];
      const { stdout } = await iptables("-S");
      const rules = stdout.split("\n");
      if (!rules.includes("-P FORWARD DROP")) return [];
      const chain = rules.includes("-N DOCKER-USER") ? "DOCKER-USER" : "FORWARD";
      const missing = rulesOf(chain, device).filter((rule) => !rules.includes(`-A ${rule}`));
      for (const rule of missing) await iptables(...`-I ${rule}`.split(" "));
      return missing.map((rule) => `iptables -I ${rule}`);
    },
    async remove(device: string): Promise<void> {
      if (!isUsed()) return;
      const { stdout } = await iptables("-S");
      for (const chain of ["DOCKER-USER", "FORWARD"])
        for (const rule of rulesOf(chain, device))
          if (stdout.split("\n").includes(`-A ${rule}`)) await iptables(...`-D ${rule}`.split(" "));
    },
  };
  function iptables(...args: string[]) {
    // a child starts in the namespace of the thread that makes it
    return host.enter(() => run("iptables-legacy", ["-w", "5", ...args]));
  }
}

const rulesOf = (chain: string, device: string) =>
  ["-i", "-o"].map((direction) => `${chain} ${direction} ${device} -j ACCEPT`);

function tablesInUse(): string[] {
  try {
    return readFileSync("/proc/thread-self/net/ip_tables_names", "utf8").trim().split("\n");
  } catch {
    return []; // the kernel has none of it
  }
}
