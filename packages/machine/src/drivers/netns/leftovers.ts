import { resolve } from "node:path";
import type { Host } from "../../host.ts";
import { prefixOf } from "../../machine.ts";
import { machineNames } from "../../machine-records.ts";
import { findCgroups } from "./cgroups.ts";
import { egressTable, egressTables } from "./egress.ts";
import { mountsOf, observeMounts } from "./mounts.ts";
import { markerVariable } from "./node-commands.ts";
import { observeNetwork } from "./observe-network.ts";
import { findProcesses } from "./processes.ts";

/**
 * Everything on this machine that belongs to the nodes of `root`, one line each; empty when nothing is left. Network
 * namespaces made within a node have no name here: they live as long as a mount of the node's /run does, or a process.
 */
export async function findLeftovers(host: Host, root: string, names: readonly string[] = []): Promise<string[]> {
  const path = resolve(root);
  const prefix = prefixOf(path);
  const isOurs = (name: string) => name === prefix || name.startsWith(`${prefix}-`);
  const { links, namespaces, emptyNames } = await observeNetwork(host);
  const folders = await machineNames(path);
  const cgroups = await Promise.all(
    [...new Set([...names, ...folders])].map((name) => findCgroups(`${prefix}-${name}`)),
  );
  const { own, all } = observeMounts();
  const everybody = new Set([...names, ...folders]);
  const processes = [...everybody].flatMap((name) =>
    findProcesses({ marker: `\0${markerVariable}=${path}/${name}`, namespaces: new Set() }),
  );
  return [
    ...folders.map((name) => `folder ${path}/${name}`),
    ...[...links.keys()].filter(isOurs).map((name) => `link ${name}`),
    ...[...namespaces, ...emptyNames].filter(isOurs).map((name) => `network namespace ${name}`),
    ...(await egressTables(host))
      .filter((table) => table === egressTable(prefix))
      .map((table) => `nftables table ${table}`),
    ...mountsOf(path, own, all).map(({ root, point }) => `mount ${point} (of ${root})`),
    ...cgroups.flat().map((cgroup) => `cgroup ${cgroup}`),
    ...processes.map(({ pid }) => `process ${pid}`),
  ];
}
