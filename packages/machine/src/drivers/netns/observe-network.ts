import { readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Host } from "../../host.ts";
import { isAbsent } from "../../machine-records.ts";
import type { Command, Link, NetworkState } from "./plan-network.ts";

export const namespaceFolder = "/run/netns";

export async function observeNetwork(host: Host): Promise<NetworkState> {
  const [json, names] = await Promise.all([host.run(["ip", "-j", "link", "show"]), namespaceNames()]);
  const mounted = await Promise.all(names.map(isNamespace));
  return {
    links: parseLinks(json),
    namespaces: new Set(names.filter((_, i) => mounted[i])),
    emptyNames: new Set(names.filter((_, i) => !mounted[i])),
  };
}

interface IpLink {
  readonly ifname?: string;
  readonly flags: readonly string[];
  readonly master?: string;
}

function parseLinks(json: string): Map<string, Link> {
  const links = new Map<string, Link>();
  for (const { ifname, flags, master } of JSON.parse(json || "[]") as IpLink[]) {
    if (ifname !== undefined)
      links.set(ifname, { isUp: flags.includes("UP"), ...(master !== undefined && { master }) });
  }
  return links;
}

async function namespaceNames(): Promise<string[]> {
  try {
    return await readdir(namespaceFolder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** linux/magic.h: NSFS_MAGIC */
const nsfsMagic = 0x6e736673;

/** False for a name on which no namespace is mounted, and one that is gone meanwhile. */
async function isNamespace(name: string): Promise<boolean> {
  try {
    return (await statfs(join(namespaceFolder, name))).type === nsfsMagic;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** Carries out commands one after another; the first failure ends it. */
export async function applyCommands(host: Host, commands: readonly Command[], signal?: AbortSignal): Promise<void> {
  for (const command of commands) {
    signal?.throwIfAborted();
    await host.run(command);
  }
}
