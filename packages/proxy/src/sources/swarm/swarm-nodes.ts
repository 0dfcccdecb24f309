import { SwarmChanges, type SwarmChangesOptions } from "./swarm-changes.ts";
import type { SwarmClient } from "./swarm-client.ts";
import { type SwarmNode, toSwarmNode } from "./swarm-objects.ts";
import { type SwarmTable, type WatchSwarmOptions, watchSwarm } from "./watch-swarm.ts";

/** Whole snapshots of the swarm's nodes, by hostname: now and after each change, until `signal` aborts (see `watchSwarm`). */
export async function* watchSwarmNodes(
  client: SwarmClient,
  options: SwarmChangesOptions & WatchSwarmOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly SwarmNode[]> {
  const changes = new SwarmChanges(client, "node", options);
  for await (const found of watchSwarm(nodeTable(client), changes, options, signal)) {
    yield [...found.values()].sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
  }
}

const nodeTable = (client: SwarmClient): SwarmTable<SwarmNode> => ({
  list: async (signal) => (await client.nodes(signal)).map(toSwarmNode),
  async get(id, signal) {
    const found = await client.node(id, signal);
    return found && toSwarmNode(found);
  },
});
