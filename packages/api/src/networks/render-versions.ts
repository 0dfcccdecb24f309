import type { NetworkNodeProgress, NetworkProgress } from "@skep/manager";
import type { SwarmNode } from "../swarm-node.ts";
import type { ShownNetwork } from "../wire/render-network.ts";

/** What `docker network inspect --verbose` shows in addition to Docker's: how far each node is with the network. */
export function renderVersions(swarm: SwarmNode, network: ShownNetwork): object {
  const manager = swarm.manager();
  if (manager) return { Skep: renderNetworkVersions(manager.networkProgress(), network) };
  const node = swarm.networks();
  return node ? { Skep: { Acknowledged: node.revision } } : {};
}

/** The newest revision that changed anything on the network, and the nodes that have the network, by host name. */
export function renderNetworkVersions(progress: NetworkProgress, { id }: Pick<ShownNetwork, "id">) {
  const one = progress.networks.find(({ networkId }) => networkId === id);
  return { Revision: one?.revision ?? 0, Nodes: (one?.nodes ?? []).toSorted(byHostname).map(renderNode) };
}

const renderNode = (node: NetworkNodeProgress) => ({
  NodeID: node.nodeId,
  Hostname: node.hostname,
  State: node.state,
  Connected: node.connected,
  Acknowledged: node.acknowledgedRevision,
  UpToDate: node.upToDate,
  LagMs: node.lagMs,
  Problems: node.problems.map(({ subject, message }) => `${subject}: ${message}`),
});

const byHostname = (a: NetworkNodeProgress, b: NetworkNodeProgress) =>
  a.hostname === b.hostname ? (a.nodeId < b.nodeId ? -1 : 1) : a.hostname < b.hostname ? -1 : 1;
