import { SwarmChanges, type SwarmChangesOptions } from "./swarm-changes.ts";
import type { SwarmClient } from "./swarm-client.ts";
import { type Labels, type SwarmService, toSwarmService } from "./swarm-objects.ts";
import { type SwarmTable, type WatchSwarmOptions, watchSwarm } from "./watch-swarm.ts";

/** A whole snapshot. */
export interface SwarmServices {
  /** The services that ask to be seen, by name. */
  readonly services: readonly SwarmService[];
  /** The service this process is a task of, whose labels hold the shared routes. */
  readonly own: SwarmService | undefined;
}

export interface SwarmServicesOptions extends SwarmChangesOptions, WatchSwarmOptions {
  /** `com.df.notify` when not given: seen are services that have it with `true`. `name=value` asks for that value. */
  readonly notifyLabel?: string;
  /** Its own name in the swarm, when it is a service there. */
  readonly ownServiceName?: string;
}

export const defaultNotifyLabel = "com.df.notify";

/** Whole snapshots of the services that ask to be seen: now and after each change, until `signal` aborts (see `watchSwarm`). */
export async function* watchSwarmServices(
  client: SwarmClient,
  options: SwarmServicesOptions,
  signal: AbortSignal,
): AsyncGenerator<SwarmServices> {
  const { notifyLabel = defaultNotifyLabel, ownServiceName } = options;
  const changes = new SwarmChanges(client, "service", options);
  const table = serviceTable(client, notifyLabel, ownServiceName);
  for await (const found of watchSwarm(table, changes, options, signal)) {
    const all = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    yield {
      services: all.filter(({ labels }) => isSeen(labels, notifyLabel)),
      own: all.find(({ name }) => name === ownServiceName),
    };
  }
}

/** Of services without the label only the own one is of interest. */
function serviceTable(client: SwarmClient, label: string, ownName: string | undefined): SwarmTable<SwarmService> {
  return {
    async list(signal) {
      const [seen, own] = await Promise.all([
        client.services({ label: [label] }, signal),
        ownName ? client.service(ownName, signal) : undefined,
      ]);
      const others = seen.filter(({ ID }) => ID !== own?.ID);
      return [...others, ...(own && own.Spec.Name === ownName ? [own] : [])].map(toSwarmService);
    },
    async get(id, signal) {
      const found = await client.service(id, signal);
      if (found?.ID !== id) return undefined;
      const service = toSwarmService(found);
      return service.name === ownName || isSeen(service.labels, label) ? service : undefined;
    },
  };
}

/** Whether the labels of a service ask for it to be seen; `notifyLabel` as in `SwarmServicesOptions`. */
export function isSeen(labels: Labels, notifyLabel: string): boolean {
  const [name = "", ...value] = notifyLabel.split("=");
  const found = labels[name];
  if (found === undefined) return false;
  return value.length === 0 ? found.toLowerCase() === "true" : found === value.join("=");
}
