import type { NetworkId } from "@skep/model";

export interface Work {
  /** Services and tasks that are gone or have ended. */
  readonly owners: readonly string[];
  /** Removed networks that may be empty by now. */
  readonly networks: readonly NetworkId[];
  /** Networks on which those who wait may have more luck. */
  readonly retry: ReadonlySet<NetworkId> | "all";
}

/** What the allocator has to do next; the same thing noted twice is done once. */
export class WorkList {
  #owners = new Set<string>();
  #networks = new Set<NetworkId>();
  #retry: Set<NetworkId> | "all" = new Set();
  #notify: () => void = () => {};
  #restart: () => void = () => {};

  release(ownerId: string): void {
    this.#owners.add(ownerId);
    this.#notify();
  }

  look(networkId: NetworkId): void {
    this.#networks.add(networkId);
    this.#notify();
  }

  retry(networkId: NetworkId | "all"): void {
    if (networkId === "all") this.#retry = "all";
    else if (this.#retry !== "all") this.#retry.add(networkId);
    this.#notify();
  }

  /** Everything is to be looked at again: something has failed. */
  restart(): void {
    this.#restart();
  }

  onRestart(restart: () => void): void {
    this.#restart = restart;
  }

  take(): Work {
    const work = { owners: [...this.#owners], networks: [...this.#networks], retry: this.#retry };
    this.#owners = new Set();
    this.#networks = new Set();
    this.#retry = new Set();
    return work;
  }

  /** Resolves once there is something to do, or `signal` aborts. */
  async some(signal: AbortSignal): Promise<void> {
    if (signal.aborted || !this.#isEmpty) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener("abort", done);
        this.#notify = () => {};
        resolve();
      };
      signal.addEventListener("abort", done);
      this.#notify = done;
    });
  }

  get #isEmpty(): boolean {
    return this.#owners.size + this.#networks.size === 0 && this.#retry !== "all" && this.#retry.size === 0;
  }
}
