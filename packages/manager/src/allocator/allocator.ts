import {
  type AddressId,
  type Clock,
  isTerminal,
  type Logger,
  type NetworkId,
  pause,
  type ServiceId,
} from "@skep/model";
import { type AnyChange, HistoryGone, type Reader, type Store } from "@skep/store";
import { isInUse, releaseAbandoned, releaseNetwork } from "./abandoned.ts";
import type { Ipam } from "./ipam.ts";
import type { ReleaseGate } from "./release-gate.ts";
import { Releases } from "./releases.ts";
import { retryService } from "./retry.ts";
import { networkIdsOf, Waiting } from "./waiting.ts";
import { WorkList } from "./work-list.ts";

/** Everything is looked at again this often, whatever has been seen or missed. */
const fullPassMs = 60_000;
/** Changes gather this long between two rounds. */
const restMs = 5;
/** What fails is tried again after this long. */
const retryMs = 1_000;
const ownersPerTransaction = 200;

export interface AllocatorOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly gate: ReleaseGate;
  readonly ipam: Ipam;
}

/**
 * Takes back what services and tasks no longer need, lets it be reused when no node knows it any more, and gives it to
 * those who had to wait. What can be given at once is given by the transactions that make services and tasks; this loop
 * does the rest. To be run by the leader only; it keeps nothing that is not in the store.
 */
export class Allocator {
  readonly #options: AllocatorOptions;
  readonly #store: Store;
  readonly #work = new WorkList();
  #waiting = new Waiting();
  #releases: Releases;

  constructor(options: AllocatorOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#releases = this.#newReleases();
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const parts = [this.#follow(both), this.#carryOut(both), this.#lookAgain(both)].map((part) =>
      part.finally(() => ended.abort()),
    );
    const results = await Promise.allSettled(parts);
    await this.#releases.ended();
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  #newReleases(): Releases {
    const { store, gate, logger } = this.#options;
    return new Releases(store, gate, (err, network) => {
      logger.error({ err, network }, "released addresses cannot be freed yet");
      this.#work.restart();
    });
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const reader = this.#store.view();
      this.#takeAll(reader, signal);
      try {
        for await (const { changes } of this.#store.watch(reader.revision, signal)) {
          const current = this.#store.view();
          for (const change of changes) this.#take(change, current, signal);
        }
      } catch (error) {
        if (!(error instanceof HistoryGone)) throw error;
      }
    }
  }

  /** Every minute, and soon after something has failed. */
  async #lookAgain(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const sooner = new AbortController();
      this.#work.onRestart(() => sooner.abort());
      await pause(this.#options.clock, fullPassMs, AbortSignal.any([signal, sooner.signal]));
      if (sooner.signal.aborted) await pause(this.#options.clock, retryMs, signal);
      if (!signal.aborted) this.#takeAll(this.#store.view(), signal);
    }
  }

  #takeAll(reader: Reader, signal: AbortSignal): void {
    this.#waiting = new Waiting();
    for (const service of reader.all("service")) this.#waiting.setService(service.id, service, reader);
    for (const task of reader.all("task")) this.#waiting.setTask(task.id, undefined, task);
    for (const address of reader.all("address")) {
      if (address.releasedAt !== undefined) {
        this.#releases.noteAddress(address.networkId, address.id, address.releasedAt, signal);
      } else if (!isInUse(reader, address)) this.#work.release(address.owner.id);
    }
    for (const network of reader.all("network")) {
      if (network.removedAt !== undefined) this.#work.look(network.id);
      this.#releases.noteNetwork(network, signal);
    }
    if (this.#waiting.size > 0) this.#work.retry("all");
  }

  #take(change: AnyChange, reader: Reader, signal: AbortSignal): void {
    this.#waiting.apply(change, reader);
    switch (change.kind) {
      case "task":
        if (!change.after || isTerminal(change.after.status.state)) this.#work.release(change.id);
        return;
      case "service":
        if (!change.after) this.#work.release(change.id);
        if (change.before?.endpoint.ports !== change.after?.endpoint.ports) this.#work.retry("all");
        return;
      case "address":
        this.#takeAddress(change, signal);
        return;
      case "network":
        if (change.after?.removedAt !== undefined) this.#work.look(change.id as NetworkId);
        else this.#work.retry("all");
        if (change.after) this.#releases.noteNetwork(change.after, signal);
        else this.#options.ipam.nextAddress.delete(change.id as NetworkId);
        return;
    }
  }

  #takeAddress({ id, before, after }: AnyChange & { readonly kind: "address" }, signal: AbortSignal): void {
    const networkId = (after ?? before)?.networkId;
    if (networkId === undefined) return;
    if (after?.releasedAt !== undefined) {
      this.#releases.noteAddress(networkId, id as AddressId, after.releasedAt, signal);
      this.#work.look(networkId);
    } else if (!after) this.#work.retry(networkId);
  }

  async #carryOut(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#work.some(signal);
      if (signal.aborted) return;
      try {
        await this.#round();
      } catch (err) {
        if (signal.aborted) return;
        this.#options.logger.error({ err, retryMs }, "allocation failed, trying again");
        this.#work.restart();
      }
      await pause(this.#options.clock, restMs, signal);
    }
  }

  async #round(): Promise<void> {
    const { owners, networks, retry } = this.#work.take();
    for (let from = 0; from < owners.length; from += ownersPerTransaction) {
      const portion = owners.slice(from, from + ownersPerTransaction);
      await this.#store.update((tx) => {
        for (const owner of portion) releaseAbandoned(tx, owner);
      });
    }
    for (const id of networks) await this.#store.update((tx) => releaseNetwork(tx, id));
    if (retry === "all" || retry.size > 0) await this.#retry(retry);
  }

  async #retry(touched: ReadonlySet<NetworkId> | "all"): Promise<void> {
    const { ipam, clock } = this.#options;
    for (const serviceId of this.#waiting.serviceIds) {
      if (touched === "all" || this.#isOn(serviceId, touched)) {
        await retryService(this.#store, serviceId, [...this.#waiting.tasksOf(serviceId)], { ipam, now: clock.now() });
      }
    }
  }

  #isOn(serviceId: ServiceId, touched: ReadonlySet<NetworkId>): boolean {
    const reader = this.#store.view();
    const service = reader.get("service", serviceId);
    return !service || [...networkIdsOf(reader, service)].some((id) => touched.has(id));
  }
}
