import type { Logger, Node } from "@skep/model";
import type { Store, Transaction } from "@skep/store";
import { claimDataPath, ipv4Of } from "./data-path.ts";
import { putEngineNetworks, putIngressNetwork } from "./default-networks.ts";
import type { Ipam } from "./ipam.ts";
import { ingressNetwork } from "./networks-of.ts";

/**
 * Brings a store from before there were networks up to date: nodes get their data paths, and the swarm its ingress
 * network. One that an operator has removed since is not made again: then the nodes have data paths.
 */
export async function adoptStore(store: Store, ipam: Ipam, logger: Logger): Promise<void> {
  const isOld = await store.update((tx) => {
    putEngineNetworks(tx);
    const without = [...tx.all("node")].filter(({ dataPath }) => dataPath === undefined);
    const isOfNone = without.length > 0 && without.length === tx.count("node");
    for (const node of without) putDataPath(tx, node);
    return isOfNone;
  });
  if (!isOld) return;
  try {
    await store.update((tx) => {
      const [cluster] = tx.all("cluster");
      if (cluster && !ingressNetwork(tx)) putIngressNetwork(tx, cluster, ipam);
    });
  } catch (err) {
    logger.error({ err }, "no ingress network: make one with docker network create --ingress");
  }
}

/** A node that has been seen at no IPv4 address has none yet. */
function putDataPath(tx: Transaction, node: Node): void {
  const address = ipv4Of(node.status.addr) ?? (node.manager && ipv4Of(node.manager.addr));
  if (address) tx.put("node", { ...node, dataPath: claimDataPath(tx.all("node"), address) });
}
