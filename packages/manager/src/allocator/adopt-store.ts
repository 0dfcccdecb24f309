import type { Cluster, Node } from "@skep/model";
import type { Store, Transaction } from "@skep/store";
import { claimDataPath, ipv4Of } from "./data-path.ts";
import { putEngineNetworks, putIngressNetwork } from "./default-networks.ts";
import type { Ipam } from "./ipam.ts";
import { ingressNetwork } from "./networks-of.ts";

/**
 * Brings a store from before there were networks up to date: nodes get their data paths, and the swarm its ingress
 * network. One that an operator has removed since is not made again: then the nodes have data paths.
 */
export const adoptStore = (store: Store, ipam: Ipam): Promise<void> =>
  store.update((tx) => {
    putEngineNetworks(tx);
    const [cluster] = tx.all("cluster");
    const without = [...tx.all("node")].filter(({ dataPath }) => dataPath === undefined);
    if (without.length === 0) return;
    const isOld = without.length === tx.count("node");
    for (const node of without) putDataPath(tx, node);
    if (isOld && cluster && !ingressNetwork(tx)) putIngressNetwork(tx, withDefaults(cluster), ipam);
  });

/** A node that has been seen at no IPv4 address has none yet. */
function putDataPath(tx: Transaction, node: Node): void {
  const address = ipv4Of(node.status.addr) ?? (node.manager && ipv4Of(node.manager.addr));
  if (address) tx.put("node", { ...node, dataPath: claimDataPath(tx.all("node"), address) });
}

const withDefaults = (cluster: Cluster): Cluster => ({ ...cluster, subnetSize: cluster.subnetSize || 24 });
