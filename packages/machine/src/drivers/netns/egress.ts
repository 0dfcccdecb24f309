import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import type { Host } from "../../host.ts";

/** The nftables table of a root. */
export const egressTable = (prefix: string) => `${prefix}_machine`;

/** Lets the nodes of a bridge reach what this machine reaches, with this machine's address. */
export function renderEgress(prefix: string, subnet: string): string {
  const table = egressTable(prefix);
  return [
    `add table ip ${table}`,
    `flush table ip ${table}`,
    `add chain ip ${table} postrouting { type nat hook postrouting priority srcnat; }`,
    `add rule ip ${table} postrouting ip saddr ${subnet} oifname != "${prefix}" masquerade`,
    "",
  ].join("\n");
}

/**
 * Where iptables drops forwarded packets (Docker on this machine sets that policy, ufw too), an accept in our table
 * cannot save them: the rule has to stand in theirs. Docker reserves DOCKER-USER for this.
 */
export function forwardChain(iptablesRules: string): "DOCKER-USER" | "FORWARD" | undefined {
  const lines = iptablesRules.split("\n");
  if (lines.includes("-N DOCKER-USER")) return "DOCKER-USER";
  return lines.includes("-P FORWARD DROP") ? "FORWARD" : undefined;
}

const acceptRules = (bridge: string) => [
  ["-i", bridge, "-j", "ACCEPT"],
  ["-o", bridge, "-j", "ACCEPT"],
];

const forwardSwitch = "/proc/sys/net/ipv4/ip_forward";
/** What ip_forward was before the first root on this machine switched it on; `/run` forgets it with a reboot. */
const forwardRecord = "/run/skep-machine/ip_forward";

/** Opens the way out for a root's nodes; done again it changes nothing. Call it with the machine's lock held. */
export async function openEgress(host: Host, prefix: string, subnet: string): Promise<void> {
  await switchForwardingOn();
  await host.run(["nft", "-f", "-"], { input: renderEgress(prefix, subnet) });
  const rules = await iptables(host, ["-S"]);
  const chain = rules === undefined ? undefined : forwardChain(rules);
  if (chain === undefined) return;
  for (const rule of acceptRules(prefix)) {
    if ((await iptables(host, ["-C", chain, ...rule])) === undefined) {
      await host.run(["iptables", "-w", "-I", chain, ...rule]);
    }
  }
}

/** Takes back what `openEgress` did, ip_forward last and only when no other root needs it. */
export async function closeEgress(host: Host, prefix: string): Promise<void> {
  const tables = await egressTables(host);
  if (tables.includes(egressTable(prefix))) await host.run(["nft", "delete", "table", "ip", egressTable(prefix)]);
  for (const chain of ["DOCKER-USER", "FORWARD"]) {
    for (const rule of acceptRules(prefix)) await iptables(host, ["-D", chain, ...rule]);
  }
  if (tables.every((table) => table === egressTable(prefix))) await restoreForwarding(host);
}

/** The tables of all roots on this machine. */
export async function egressTables(host: Host): Promise<string[]> {
  const listing = await host.run(["nft", "list", "tables", "ip"]);
  return listing.split("\n").flatMap((line) => /^table ip (skep(?:m|[0-9a-f]+)_machine)$/.exec(line.trim())?.[1] ?? []);
}

/** What iptables prints; undefined when it is not installed, or says no. */
const iptables = (host: Host, args: readonly string[]) => host.run(["iptables", "-w", ...args]).catch(() => undefined);

async function switchForwardingOn(): Promise<void> {
  const before = (await readFile(forwardSwitch, "utf8")).trim();
  if (before === "1") return;
  await mkdir("/run/skep-machine", { recursive: true });
  await writeFile(forwardRecord, before);
  await writeFile(forwardSwitch, "1");
}

/** Docker started in the meantime needs forwarding itself: with a `docker0` there, it stays on. */
async function restoreForwarding(host: Host): Promise<void> {
  const before = await readFile(forwardRecord, "utf8").catch(() => undefined);
  if (before === undefined) return;
  const dockerHere = await host.run(["ip", "link", "show", "docker0"]).then(
    () => true,
    () => false,
  );
  if (!dockerHere) await writeFile(forwardSwitch, before);
  await rm("/run/skep-machine", { recursive: true, force: true });
}
