import { readdir } from "node:fs/promises";
import type { Host } from "../../host.ts";
import { isAbsent } from "../../machine-records.ts";
import type { Command, NetworkState } from "./plan-network.ts";

export const namespaceFolder = "/run/netns";

export async function observeNetwork(host: Host): Promise<NetworkState> {
  const [links, namespaces] = await Promise.all([host.run(["ip", "-j", "link", "show"]), namespaceNames()]);
  return { links: new Set(linkNames(links)), namespaces: new Set(namespaces) };
}

function linkNames(json: string): string[] {
  return (JSON.parse(json || "[]") as { readonly ifname?: string }[]).flatMap(({ ifname }) => ifname ?? []);
}

async function namespaceNames(): Promise<string[]> {
  try {
    return await readdir(namespaceFolder);
  } catch (error) {
    if (isAbsent(error)) return [];
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
