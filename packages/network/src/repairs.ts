import type { Clock, Logger } from "@skep/model";
import type { Applied } from "./apply.ts";
import { allAspects, containerPlace, hostPlace, isContainerPlace, type Place } from "./aspect.ts";
import type { Kernel } from "./host/kernel.ts";
import { allowForwarding, disallowForwarding, type LegacyFirewall } from "./ingress/forward-policy.ts";
import type { KernelKeeper } from "./kernel-keeper.ts";
import type { NetworkState } from "./network-state.ts";
import type { RepairStatus } from "./node-network.ts";
import { gatewayName, uplink } from "./overlay/addresses.ts";
import { hasGateway, placeOf } from "./overlay/presence.ts";
import type { PortHolds } from "./port-holds.ts";
import { setUnderlayMtu, type Touched } from "./touched.ts";
import type { TurnQueue } from "./turn-queue.ts";
import { underlayMtu } from "./underlay.ts";

export interface RepairsOptions {
  readonly kernel: Kernel;
  readonly state: NetworkState;
  readonly keeper: KernelKeeper;
  readonly queue: TurnQueue<Applied>;
  readonly holds: PortHolds;
  readonly legacyFirewall: LegacyFirewall;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly change: (mutate: (touched: Touched) => void) => Promise<unknown>;
  readonly detach: (containerId: string) => Promise<void>;
}

const periodMs = 60_000;
/** Somebody who changes one thing of ours often changes a few: wait for the rest, but not for long. */
const settleMs = 200;
/** A namespace that is changed all the time is looked at this often. */
const restMs = 1000;
const longestRetryMs = 30_000;
const mostRemembered = 20;

/** Looks whether the kernel still holds what it should, and mends it: at times, when told, and when somebody touched it. */
export class Repairs {
  /** Why a namespace is not as it should be. */
  readonly failures = new Map<Place, Error>();
  readonly latest: RepairStatus[] = [];
  readonly #options: RepairsOptions;
  readonly #timers = new Map<Place, () => void>();
  readonly #lastAt = new Map<Place, number>();
  readonly #retries = new Map<Place, number>();
  #cancelPeriod: (() => void) | undefined;
  #isRunning = false;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** From now on it watches by itself. */
  start(): void {
    this.#isRunning = true;
    this.#cancelPeriod?.();
    this.#cancelPeriod = this.#options.clock.after(periodMs, () => void this.#periodically());
  }

  stop(): void {
    this.#isRunning = false;
    this.#cancelPeriod?.();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** Somebody else has changed something there. */
  noticed(place: Place): void {
    if (!this.#isRunning) return;
    const now = this.#options.clock.now();
    this.#schedule(place, Math.max(settleMs, (this.#lastAt.get(place) ?? 0) + restMs - now));
  }

  failed(place: Place, error: Error | undefined): void {
    if (!error || isContainerPlace(place)) return;
    this.failures.set(place, error);
    const tries = this.#retries.get(place) ?? 0;
    this.#retries.set(place, tries + 1);
    if (this.#isRunning) this.#schedule(place, Math.min(settleMs * 2 ** tries, longestRetryMs));
  }

  /** Takes over what should be in the kernel, and holds the ports, before anything is compared. */
  async learnAll(): Promise<void> {
    const { state, keeper, holds, kernel } = this.#options;
    state.underlayMtu = (await underlayMtu(kernel.host, state)) ?? state.underlayMtu;
    await holds.take([...state.servicesOnPort.keys(), ...state.attachmentsOnPort.keys()]);
    keeper.learn(allAspects(state));
  }

  /**
   * After a boot, or by somebody's hand. Routers where no container is may have gone rightly: the saved records are a
   * moment older than the end of the process that saved them.
   */
  async isRouterMissing(): Promise<boolean> {
    const { keeper, state } = this.#options;
    const there = new Set(await keeper.places.routers());
    const used = [...state.networks.values()].filter(({ id }) => state.attachmentsOnNetwork.has(id)).map(placeOf);
    return [...(hasGateway(state) ? [gatewayName] : []), ...used].some((name) => !there.has(name));
  }

  /** Compares everything; tells what was mended. */
  async all(): Promise<readonly string[]> {
    const { state, queue, keeper } = this.#options;
    await this.#refresh();
    const commands = [...(await queue.alone(() => keeper.removeLeftovers()))];
    for (const place of this.#places()) commands.push(...(await this.#one(place)));
    commands.push(...(await queue.alone(() => this.#allowForwarding())));
    for (const id of state.attachments.keys()) commands.push(...(await this.#one(containerPlace(id))));
    this.#remember(commands);
    return commands;
  }

  /** Nothing of skep stays, whoever made it. */
  async removeAll(): Promise<void> {
    const { keeper, kernel, legacyFirewall } = this.#options;
    await keeper.removeLeftovers();
    await keeper.repair(hostPlace, await keeper.look(hostPlace));
    await disallowForwarding(kernel.host);
    await legacyFirewall.remove(uplink.host);
  }

  async #periodically(): Promise<void> {
    try {
      await this.all();
    } catch (error) {
      this.#options.logger.error({ err: error }, "cannot compare the network with the kernel");
    }
    if (this.#isRunning) this.start();
  }

  #schedule(place: Place, delayMs: number): void {
    if (this.#timers.has(place)) return;
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(place);
      void this.#mend(place);
    });
    this.#timers.set(place, cancel);
  }

  async #mend(place: Place): Promise<void> {
    try {
      const commands = [...(await this.#one(place))];
      if (place === hostPlace) commands.push(...(await this.#options.queue.alone(() => this.#allowForwarding())));
      this.#remember(commands);
    } catch (error) {
      this.failed(place, error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #one(place: Place): Promise<readonly string[]> {
    const { keeper, queue, logger, detach } = this.#options;
    this.#lastAt.set(place, this.#options.clock.now());
    const seen = await keeper.look(place).catch(() => undefined); // it may be on its way out
    const { commands, failure, dead } = await queue.alone(async () => {
      if (!keeper.desired.places.includes(place) && place !== hostPlace) return nothing;
      return keeper.repair(place, seen ?? (await keeper.look(place)));
    });
    if (commands.length > 0) logger.warn({ place, commands: commands.slice(0, 20) }, "network repaired");
    for (const id of dead) await detach(id);
    if (failure) this.failed(place, failure);
    else {
      this.failures.delete(place);
      this.#retries.delete(place);
    }
    return commands;
  }

  /** The node's own namespace has the links that the others need. */
  #places(): Place[] {
    const { routers } = this.#options.keeper.desired;
    return [
      hostPlace,
      ...routers.filter((name) => name === gatewayName),
      ...routers.filter((name) => name !== gatewayName),
    ];
  }

  /** What follows from the node itself, and may change without a record: sizes, ports of others, ended containers. */
  async #refresh(): Promise<void> {
    const { state, kernel, change } = this.#options;
    const mtu = await underlayMtu(kernel.host, state);
    await change((touched) => {
      if (mtu !== undefined) setUnderlayMtu(state, mtu, touched);
      for (const key of state.takenPorts.keys()) touched.aspects.add(`port/${key}`);
    });
    for (const [id, { sandbox, inode }] of state.attachments) {
      const namespace = await kernel.open(`/proc/${sandbox.pid}/ns/net`).catch(() => undefined);
      namespace?.[Symbol.dispose]();
      if (namespace?.inode !== inode) await this.#options.detach(id);
    }
  }

  async #allowForwarding(): Promise<readonly string[]> {
    const { kernel, state, legacyFirewall } = this.#options;
    if (!hasGateway(state)) return [];
    return [...(await allowForwarding(kernel.host)), ...(await legacyFirewall.allow(uplink.host))];
  }

  #remember(commands: readonly string[]): void {
    if (commands.length === 0) return;
    this.latest.unshift({ atMs: this.#options.clock.now(), commands });
    this.latest.length = Math.min(this.latest.length, mostRemembered);
  }
}

const nothing = { commands: [], failure: undefined, dead: [] } as const;
