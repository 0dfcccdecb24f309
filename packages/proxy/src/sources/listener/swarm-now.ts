import type { SwarmClient } from "../swarm/swarm-client.ts";
import { type SwarmNode, type SwarmService, toSwarmNode, toSwarmService } from "../swarm/swarm-objects.ts";
import { isSeen } from "../swarm/swarm-services.ts";
import { isConverged } from "./convergence.ts";
import { activeNodes, currentTasks } from "./service-tasks.ts";

/** The services that ask to be seen, as the swarm has them now. Throws when it cannot be asked, as all here. */
export async function readServices(
  client: SwarmClient,
  notifyLabel: string,
  signal: AbortSignal,
): Promise<readonly SwarmService[]> {
  const found = await client.services({ label: [notifyLabel] }, signal);
  return found.map(toSwarmService).filter(({ labels }) => isSeen(labels, notifyLabel));
}

export async function readNodes(client: SwarmClient, signal: AbortSignal): Promise<readonly SwarmNode[]> {
  return (await client.nodes(signal)).map(toSwarmNode);
}

/** Those whose tasks are all running, and the others. */
export async function sortByTasks(
  client: SwarmClient,
  services: readonly SwarmService[],
  signal: AbortSignal,
): Promise<{ readonly running?: readonly SwarmService[]; readonly others?: readonly SwarmService[] }> {
  const [tasks, nodes] = await Promise.all([client.tasks(currentTasks, signal), readNodes(client, signal)]);
  const active = activeNodes(nodes);
  const ofServices = Map.groupBy(tasks, ({ ServiceID }) => ServiceID);
  const isRunning = (service: SwarmService) => isConverged(service, ofServices.get(service.id) ?? [], active);
  return Object.groupBy(services, (service) => (isRunning(service) ? "running" : "others"));
}
