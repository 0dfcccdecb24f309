import type { Filters, SwarmClient } from "../swarm/swarm-client.ts";
import type { SwarmNode, SwarmService, TaskObject } from "../swarm/swarm-objects.ts";
import { isConverged, Settling } from "./convergence.ts";
import { type NodeInfo, nodeInfoOf, scrapeNetworkLabel } from "./node-info.ts";

/** What is known of the tasks of a service that has a scrape network. */
export interface TasksOfService {
  readonly state: "waiting" | "settled" | "abandoned";
  readonly nodeInfo: NodeInfo | undefined;
}

interface Entry {
  readonly service: SwarmService;
  readonly settling: Settling;
  nodeInfo: NodeInfo | undefined;
}

/** The tasks the current spec has: what an update replaces is not among them. */
export const currentTasks: Filters = { "_up-to-date": ["true"], "desired-state": ["running", "accepted"] };

/** Services with a scrape network are told of only when all their tasks run: this finds out when. */
export class ServiceTasks {
  readonly #client: SwarmClient;
  readonly #nodeInfo: { readonly include: boolean; readonly withAddress: boolean };
  readonly #entries = new Map<string, Entry>();

  constructor(client: SwarmClient, nodeInfo: { readonly include: boolean; readonly withAddress: boolean }) {
    this.#client = client;
    this.#nodeInfo = nodeInfo;
  }

  /** Each version of a service has to settle anew. */
  update(services: readonly SwarmService[]): void {
    const watched = services.filter(({ labels }) => labels[scrapeNetworkLabel] !== undefined);
    const ids = new Set(watched.map(({ id }) => id));
    for (const id of this.#entries.keys()) if (!ids.has(id)) this.#entries.delete(id);
    for (const service of watched) {
      if (this.#entries.get(service.id)?.service.version === service.version) continue;
      this.#entries.set(service.id, { service, settling: new Settling(), nodeInfo: undefined });
    }
  }

  get isWaiting(): boolean {
    return [...this.#entries.values()].some(({ settling }) => settling.state === "waiting");
  }

  /** Undefined when the service need not be waited for. */
  of(id: string): TasksOfService | undefined {
    const entry = this.#entries.get(id);
    return entry && { state: entry.settling.state, nodeInfo: entry.nodeInfo };
  }

  /** Reads the tasks once. With `trusting`, services whose tasks run now are settled without watching them for a while. */
  async look(nodes: readonly SwarmNode[], nowMs: number, trusting: boolean, signal: AbortSignal): Promise<void> {
    const entries = [...this.#entries].filter(
      ([, { settling }]) => this.#nodeInfo.include || settling.state === "waiting",
    );
    if (entries.length === 0) return;
    const tasks = await this.#client.tasks({ ...currentTasks, service: entries.map(([id]) => id) }, signal);
    const active = activeNodes(nodes);
    const hostnames = new Map(nodes.map(({ id, hostname }) => [id, hostname]));
    const ofServices = Map.groupBy(tasks, ({ ServiceID }) => ServiceID);
    for (const [id, entry] of entries) {
      const own = ofServices.get(id) ?? [];
      const converged = isConverged(entry.service, own, active);
      if (trusting && converged) entry.settling.trust();
      entry.settling.look(entry.service, converged, nowMs);
      if (this.#nodeInfo.include && converged) entry.nodeInfo = this.#nodeInfoOf(entry.service, own, hostnames);
    }
  }

  #nodeInfoOf(service: SwarmService, tasks: readonly TaskObject[], hostnames: ReadonlyMap<string, string>) {
    return nodeInfoOf(service, tasks, hostnames, this.#nodeInfo.withAddress);
  }
}

export const activeNodes = (nodes: readonly SwarmNode[]): ReadonlySet<string> =>
  new Set(nodes.filter(({ state }) => state !== "down").map(({ id }) => id));
