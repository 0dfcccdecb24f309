import { DomainError, type Logger } from "@skep/model";
import type { Peers, SharedRoutes } from "../sources/index.ts";
import type { Replicas } from "./api/parts.ts";
import type { ApiRequest } from "./api/request.ts";

export interface ReplicaSetParts {
  readonly peers: Peers;
  readonly shared: SharedRoutes;
  /** Whether the swarm has a task of this service at the address, as far as it can be asked. */
  readonly hasTaskAt: (address: string) => Promise<boolean>;
  /** Whether the swarm can be asked from here. */
  readonly isManaged: () => boolean;
  readonly log: Logger;
}

/**
 * The replicas of this proxy. Where the swarm can be asked, it keeps the routes that came by HTTP, and whoever sees the
 * swarm has them. The others are told by request, as Docker Flow Proxy does it.
 */
export class ReplicaSet implements Replicas {
  readonly #parts: ReplicaSetParts;

  constructor(parts: ReplicaSetParts) {
    this.#parts = parts;
  }

  keep(serviceName: string, query: string | undefined): Promise<void> {
    const { shared, isManaged } = this.#parts;
    if (!isManaged()) return Promise.reject(new DomainError("unavailable", "the swarm cannot be asked from here"));
    return shared.change(serviceName, query);
  }

  async share(serviceName: string, query: string | undefined, request: ApiRequest): Promise<void> {
    const { log } = this.#parts;
    const kept = this.keep(serviceName, query);
    const [keeping, telling] = await Promise.allSettled([kept, this.repeat(request)]);
    if (keeping.status === "fulfilled") {
      if (telling.status === "rejected") log.debug({ err: telling.reason }, "replicas without the swarm are not told");
    } else if (telling.status === "rejected") throw telling.reason;
  }

  async repeat(request: ApiRequest, body?: Buffer): Promise<readonly string[]> {
    const { method, path, query, contentType } = request;
    const answers = await this.#parts.peers.distribute({
      method,
      path,
      query,
      ...(body && { body }),
      ...(contentType !== undefined && { contentType }),
    });
    return [...answers.values()];
  }

  async includes(address: string): Promise<boolean> {
    const { peers, hasTaskAt } = this.#parts;
    const found = await peers.addresses().catch((error: unknown): readonly string[] => {
      if (error instanceof DomainError) return [];
      throw error;
    });
    return found.includes(address) || (await hasTaskAt(address)); // DNS has those that are up, not those that start
  }
}
