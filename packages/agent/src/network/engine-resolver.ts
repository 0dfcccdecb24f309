import { readFileSync } from "node:fs";
import type { SandboxNames } from "@skep/network";

/** As `/proc/net` writes 127.0.0.11. */
const address = "0B00007F";
const listening = { udp: undefined, tcp: "0A" } as const;

/**
 * Where the engine's own resolver listens in a container on one of its named networks: skep's asks it for the names on
 * these. Undefined where there is none. To be called before skep's listens there too.
 */
export function engineResolver(pid: number): SandboxNames["engineResolver"] {
  const port = (protocol: "udp" | "tcp") =>
    portIn(readFileSync(`/proc/${pid}/net/${protocol}`, "latin1"), listening[protocol]);
  const [udp, tcp] = [port("udp"), port("tcp")];
  return udp === undefined || tcp === undefined ? undefined : { udp, tcp };
}

/** The first port on the resolver's address in a table of sockets, in this state if one is given. */
export function portIn(table: string, state: string | undefined): number | undefined {
  for (const line of table.split("\n").slice(1)) {
    const [, local = "", , of] = line.trim().split(/\s+/);
    const [host, port = ""] = local.split(":");
    if (host === address && (state === undefined || of === state)) return Number.parseInt(port, 16);
  }
  return undefined;
}
