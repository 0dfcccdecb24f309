import type { PublishedPort, TransportProtocol } from "@skep/model";
import { type NetworkState, portKey } from "./network-state.ts";

export type ProbedPort = Pick<PublishedPort, "protocol" | "published">;

/** Holds ports of this node's own namespace; as `host/`'s functions of the same names. */
export interface PortKeeper {
  hold(protocol: TransportProtocol, port: number): Disposable | undefined;
  /** Who has which of the ports, `nginx (pid 123)`; those that nobody else is found to have are left out. */
  owners<T extends ProbedPort>(ports: readonly T[]): Promise<ReadonlyMap<T, string>>;
}

/** Published ports are held by sockets of this process, so that nobody else takes them unnoticed. */
export class PortHolds {
  readonly #state: NetworkState;
  readonly #keeper: PortKeeper;
  readonly #held = new Map<string, Disposable>();

  constructor(state: NetworkState, keeper: PortKeeper) {
    this.#state = state;
    this.#keeper = keeper;
  }

  /** Takes the ports among `keys` that are published now; says in the state which of them others have. */
  async take(keys: Iterable<string>): Promise<void> {
    for (const key of keys) {
      if (!this.#isPublished(key)) this.#state.takenPorts.delete(key);
      else if (!this.#held.has(key)) await this.#take(key);
    }
  }

  /** Lets those go that are not published any more. */
  release(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.#isPublished(key)) continue;
      this.#held.get(key)?.[Symbol.dispose]();
      this.#held.delete(key);
    }
  }

  /** A port that is free now and stays so for the caller. */
  takeFree(protocol: TransportProtocol): number | undefined {
    for (let port = firstEphemeral; port <= lastEphemeral; port++) {
      const key = portKey({ protocol, published: port });
      if (this.#held.has(key) || this.#isPublished(key)) continue;
      const hold = this.#keeper.hold(protocol, port);
      if (!hold) continue;
      this.#held.set(key, hold);
      return port;
    }
    return undefined;
  }

  /** Takes a port for the caller; tells who has it when somebody has. */
  async takeOne(port: PublishedPort): Promise<string | undefined> {
    const key = portKey(port);
    if (!this.#held.has(key)) await this.#take(key);
    const owner = this.#state.takenPorts.get(key);
    if (!this.#isPublished(key)) this.#state.takenPorts.delete(key);
    return owner;
  }

  close(): void {
    for (const hold of this.#held.values()) hold[Symbol.dispose]();
    this.#held.clear();
  }

  #isPublished(key: string): boolean {
    return this.#state.servicesOnPort.has(key) || this.#state.attachmentsOnPort.has(key);
  }

  async #take(key: string): Promise<void> {
    const [protocol, number] = key.split("/") as [TransportProtocol, string];
    const port = { protocol, published: Number(number) };
    const hold = this.#keeper.hold(protocol, port.published);
    if (hold) {
      this.#held.set(key, hold);
      this.#state.takenPorts.delete(key);
    } else {
      const owner = (await this.#keeper.owners([port])).get(port);
      this.#state.takenPorts.set(key, owner ?? "another process");
    }
  }
}

/** As Linux gives them out by itself, and Docker too. */
const firstEphemeral = 32768;
const lastEphemeral = 60999;
