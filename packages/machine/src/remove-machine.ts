import { readdir, rm, rmdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DomainError } from "@skep/model";
import { removeCgroups } from "./drivers/netns/cgroups.ts";
import { closeEgress } from "./drivers/netns/egress.ts";
import { killProcesses, networkNamespace, nodeProcesses } from "./drivers/netns/node-processes.ts";
import { applyCommands, observeNetwork } from "./drivers/netns/observe-network.ts";
import { planBridgeRemoval, planNodeRemoval } from "./drivers/netns/plan-network.ts";
import type { Host } from "./host.ts";
import { withMachineLock } from "./lock.ts";
import { cgroupOf, checkMachineName, linkOf, machinePaths, namespaceOf, prefixOf } from "./machine.ts";
import { isAbsent, machineNames, openMachine, readMachine } from "./machine-records.ts";

export interface RemoveOptions {
  readonly host: Host;
  /** Also a node that runs, one whose creation or removal was interrupted, or one of which only traces are left. */
  readonly force?: boolean;
}

/**
 * Removes a node and everything of it: processes, links, namespaces, cgroups, files; with the last node of a root
 * also the bridge and the nftables table. Each step looks at what is there, so it can be repeated after a crash.
 */
export async function removeMachine(root: string, name: string, { host, force = false }: RemoveOptions): Promise<void> {
  checkMachineName(root, name);
  const node = { root: resolve(root), name };
  if (!force) {
    await openMachine(root, name);
    if (nodeProcesses(node).length > 0) {
      throw new DomainError(
        "conflict",
        `node ${name} is running: stop it first (skep machine stop ${name}), or use: skep machine rm -f ${name}`,
      );
    }
  }
  const namespace = networkNamespace(node);
  await killProcesses(node, namespace);
  await withMachineLock(async () => {
    await removeNetwork(host, node);
    await killProcesses(node, namespace); // one that a killed `create` had just started may have slipped in
    await removeCgroups(cgroupOf({ prefix: prefixOf(root), name }));
    await removeFolder(machinePaths(root, name).home);
    await removePoolIfEmpty(host, node.root);
  });
}

async function removeNetwork(host: Host, node: { readonly root: string; readonly name: string }): Promise<void> {
  const machine = await readMachine(node.root, node.name);
  const namespace = namespaceOf({ prefix: prefixOf(node.root), name: node.name });
  const names = { namespace, ...(machine !== undefined && { link: linkOf(machine) }) };
  await applyCommands(host, planNodeRemoval(names, await observeNetwork(host)));
}

/** The record goes last, so that an interrupted removal can still be seen and repeated. */
async function removeFolder(home: string): Promise<void> {
  const entries = await readdir(home).catch((error) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  for (const entry of entries.filter((name) => name !== "machine.json")) {
    await rm(join(home, entry), { recursive: true, force: true });
  }
  await rm(home, { recursive: true, force: true });
}

/** Takes bridge, table and folder of a root away when it has no node; call it with the machine's lock held. */
export async function removePoolIfEmpty(host: Host, root: string): Promise<void> {
  if ((await machineNames(root)).length > 0) return;
  await closeEgress(host, prefixOf(root));
  await applyCommands(host, planBridgeRemoval(prefixOf(root), await observeNetwork(host)));
  await rm(join(root, "pool.json"), { force: true });
  await rm(join(root, "pool.json.new"), { force: true });
  await rmdir(root).catch((error) => {
    if (!isAbsent(error) && error.code !== "ENOTEMPTY") throw error;
  });
}
