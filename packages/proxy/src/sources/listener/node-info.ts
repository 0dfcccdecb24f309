import { bare } from "@skep/model";
import type { SwarmService, TaskObject } from "../swarm/swarm-objects.ts";

/** Of each task: the name of its node, its address there, and the node's id. */
export type NodeInfo = readonly (readonly [nodeName: string, address: string, nodeId: string])[];

/** Names the network whose addresses are meant. */
export const scrapeNetworkLabel = "com.df.scrapeNetwork";

/**
 * Where the tasks of a service run; undefined when nowhere. With `withAddress` only tasks that have an address on the service's
 * scrape network, else the address is empty. In one order, so that the same tasks give the same text.
 */
export function nodeInfoOf(
  service: SwarmService,
  tasks: readonly TaskObject[],
  hostnames: ReadonlyMap<string, string>,
  withAddress: boolean,
): NodeInfo | undefined {
  const network = service.labels[scrapeNetworkLabel];
  const rows = tasks.flatMap((task) => {
    const hostname = hostnames.get(task.NodeID ?? "");
    const address = withAddress ? addressOn(task, network) : "";
    return hostname === undefined || address === undefined ? [] : [[hostname, address, task.NodeID ?? ""] as const];
  });
  const distinct = new Map(rows.map((row) => [row.join("\n"), row]));
  return distinct.size === 0 ? undefined : [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

function addressOn({ NetworksAttachments = [] }: TaskObject, network: string | undefined): string | undefined {
  const found = NetworksAttachments.find(({ Network }) => Network?.Spec?.Name === network);
  const [address] = found?.Addresses ?? [];
  return address === undefined ? undefined : bare(address);
}
