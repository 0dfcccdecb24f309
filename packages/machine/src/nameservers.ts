import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";

/** The IPv4 nameservers of a resolv.conf that another network namespace could ask too: no loopback addresses. */
export function nameserversIn(resolvConf: string): string[] {
  return resolvConf
    .split("\n")
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
    .filter((address) => isIPv4(address) && !address.startsWith("127.") && address !== "0.0.0.0");
}

/** This machine's own nameservers; with systemd-resolved in front, the ones behind it. */
export async function hostNameservers(): Promise<string[]> {
  for (const file of ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]) {
    const found = nameserversIn(await readFile(file, "utf8").catch(() => ""));
    if (found.length > 0) return found;
  }
  return [];
}

const probeMs = 700;

/** Those of `candidates` that answer a query, all asked at the same time. */
export async function answeringNameservers(
  candidates: readonly string[],
  answers: (address: string) => Promise<boolean> = answersQueries,
): Promise<readonly string[]> {
  const answered = await Promise.all(candidates.map((address) => answers(address)));
  return candidates.filter((_, i) => answered[i]);
}

/** True when any DNS answer, even an error, arrives within 0.7 s. */
export async function answersQueries(address: string, port = 53): Promise<boolean> {
  const socket = createSocket("udp4");
  return new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => settle(false), probeMs);
    const settle = (answered: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    socket.once("message", () => settle(true));
    socket.once("error", () => settle(false));
    socket.connect(port, address, () => socket.send(rootQuery));
  });
}

/** "Who serves the root zone?", recursion desired (RFC 1035): every resolver has the answer at hand. */
const rootQuery = Buffer.from([0x5e, 0x9b, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);
