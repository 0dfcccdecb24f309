import type { Logger } from "@skep/model";
import { type Applied, applyChanges } from "./apply.ts";
import { type Aspect, containerPlace, hostPlace, isContainerPlace, type Place } from "./aspect.ts";
import { derive } from "./derive.ts";
import { DesiredItems, type Wanted } from "./desired-items.ts";
import type { ConnectionFilter } from "./host/kernel.ts";
import { type ItemKey, isNft } from "./items/item.ts";
import { observe, observeNft } from "./items/observe.ts";
import { type Held, heldBy, type ItemChange, planItems, unanswered } from "./items/plan.ts";
import { renderWhole } from "./items/render-nft.ts";
import type { NetworkState } from "./network-state.ts";
import { gatewayName, isVethName } from "./overlay/addresses.ts";
import { ownershipOf, type Places } from "./places.ts";
import { type StaleFlows, staleFlows } from "./stale-flows.ts";
import type { Touched } from "./touched.ts";

/** What a namespace was seen to hold, good as long as nothing has been done there since. */
export interface Sighting {
  readonly items: ReadonlyMap<ItemKey, Held>;
  readonly generation: number;
}

export interface Repaired {
  readonly commands: readonly string[];
  readonly failure: Error | undefined;
  /** Containers whose process is gone: they are to be detached. */
  readonly dead: readonly string[];
}

/**
 * Keeps the kernel as the state would have it. Its methods are called one after the other, except `look`.
 */
export class KernelKeeper {
  readonly desired = new DesiredItems();
  readonly places: Places;
  readonly #state: NetworkState;
  readonly #logger: Logger;
  /** Namespaces whose content is known: it is what `desired` says. */
  readonly #verified = new Set<Place>();
  readonly #generations = new Map<Place, number>();
  /** How often a balancer was written. */
  readonly #rewrites = new Map<string, number>();

  constructor(state: NetworkState, places: Places, logger: Logger) {
    this.#state = state;
    this.places = places;
    this.#logger = logger;
  }

  /** Takes over what aspects ask for, without doing anything about it. */
  learn(aspects: Iterable<Aspect>): Map<Place, ItemChange[]> {
    return this.desired.update([...aspects].map((aspect) => [aspect, derive(this.#state, aspect)] as const));
  }

  /** Carries out what has been touched. */
  async follow(touched: Touched): Promise<Applied> {
    const changes = this.learn(touched.aspects);
    const flows = [...staleFlows(this.#state, touched.endpoints.values()), ...flowsToRetry(changes)];
    const gone: Place[] = [];
    const wanted = new Map<Place, readonly ItemChange[]>();
    await Promise.all(
      [...changes].map(async ([place, list]) => {
        this.#touch(place);
        if (this.desired.of(place).size === 0 && place !== hostPlace) gone.push(place);
        else wanted.set(place, this.#verified.has(place) ? list : await this.#fromWhatIs(place, list));
      }),
    );
    const applied = await applyChanges(this.places, wanted, this.#turn);
    // what a container had goes with the devices that its routers lose
    for (const place of gone) if (!isContainerPlace(place)) await this.#remove(place);
    for (const [place, error] of applied.failures) {
      this.#verified.delete(place);
      this.#logger.warn({ place, err: error }, "network change failed, will be repaired");
    }
    await this.forget(flows);
    return applied;
  }

  async forget(flows: readonly StaleFlows[]): Promise<void> {
    const filters = new Map<Place, ConnectionFilter[]>();
    for (const { place, filter } of flows) (filters.get(place) ?? filters.set(place, []).get(place))?.push(filter);
    await Promise.all(
      [...filters].map(async ([place, list]) => {
        const namespace = await this.places.find(place);
        await namespace
          ?.forgetConnections(...list)
          .catch((error: unknown) => this.#logger.warn({ place, err: error }, "cannot forget connections"));
      }),
    );
  }

  /** Reads a namespace, for `repair`. */
  async look(place: Place): Promise<Sighting> {
    const generation = this.#generations.get(place) ?? 0;
    if (await this.places.isGone(place)) await this.places.abandon(place);
    const namespace = await this.places.find(place);
    const own = ownershipOf(place);
    if (!namespace) return { items: new Map(), generation };
    if (!isContainerPlace(place)) return { items: await observe(namespace, own), generation };
    try {
      // a container's devices come and go with those of its routers
      const kernel = [...this.desired.of(place)].filter(([, { item }]) => !isNft(item));
      return { items: new Map([...kernel, ...(await observeNft(namespace, own))]), generation };
    } finally {
      namespace[Symbol.dispose]();
    }
  }

  /** Brings a namespace to what it should hold; touches nothing that is right. */
  async repair(place: Place, seen: Sighting): Promise<Repaired> {
    const isFresh = seen.generation === (this.#generations.get(place) ?? 0);
    const { items } = isFresh ? seen : await this.look(place);
    const planned = planItems(items, this.desired.of(place));
    if (planned.length === 0) {
      this.#verified.add(place);
      return { commands: [], failure: undefined, dead: [] };
    }
    // the uplink is made from the node into the gateway router
    if (place === hostPlace && this.desired.routers.includes(gatewayName)) await this.places.open(gatewayName);
    const { changes, dead } = await this.#withContainers(place, planned);
    this.#touch(place);
    const applied = await applyChanges(this.places, changes, this.#turn);
    const failed =
      applied.failures.has(place) && !(await this.#reload(place)) ? applied.failures.get(place) : undefined;
    if (failed) this.#verified.delete(place);
    else this.#verified.add(place);
    await this.forget(flowsToRetry(new Map([[place, planned]])));
    return { commands: applied.commands, failure: failed, dead };
  }

  /** Routers of an earlier process, or of a network that is not here any more. */
  async removeLeftovers(): Promise<string[]> {
    const wanted = new Set(this.desired.routers);
    const leftover = (await this.places.routers()).filter((name) => !wanted.has(name));
    for (const name of leftover) await this.#remove(name);
    return leftover.map((name) => `ip netns del ${name}`);
  }

  /** Whether everything that an aspect asks for in a namespace is there. */
  async holds(place: Place, aspect: Aspect): Promise<boolean> {
    const { items } = await this.look(place);
    return [...this.desired.of(place)].every(
      ([key, wanted]) =>
        wanted.aspect !== aspect || wanted.item.kind === "sysctl" || items.get(key)?.form === wanted.form,
    );
  }

  isVerified(place: Place): boolean {
    return this.#verified.has(place);
  }

  readonly #turn = (place: Place, chain: string): number => {
    const key = `${place} ${chain}`;
    const rewrites = this.#rewrites.get(key) ?? 0;
    this.#rewrites.set(key, rewrites + 1);
    // nodes begin at different targets, so that few connections to many nodes spread as well
    return (this.#state.selfPeer?.index ?? 0) + rewrites;
  };

  /** Changes as seen from what a namespace holds, when it is not known to be what it should. */
  async #fromWhatIs(place: Place, changes: readonly ItemChange[]): Promise<readonly ItemChange[]> {
    if (isContainerPlace(place)) return changes;
    const isThere = (await this.places.find(place)) !== undefined && !(await this.places.isGone(place));
    if (!isThere) {
      await this.places.abandon(place);
      this.#verified.add(place);
      return planItems(new Map(), this.desired.of(place));
    }
    const { items } = await this.look(place);
    return changes
      .map(({ key, after }) => ({ key, before: items.get(key), after }))
      .filter(({ before, after }) => before?.form !== after?.form);
  }

  /** A veth has two ends: with one of them the other's addresses and routes are gone too. */
  async #withContainers(place: Place, planned: readonly ItemChange[]) {
    const changes = new Map<Place, readonly ItemChange[]>();
    const dead = new Set<Aspect>();
    for (const { before, after } of planned) {
      const item = after?.item;
      if (item?.kind !== "veth" || before || !isVethName(item.name)) continue;
      const { aspect } = after as Wanted;
      const container = containerPlace(aspect.slice("container/".length));
      const namespace = await this.places.find(container);
      namespace?.[Symbol.dispose]();
      if (!namespace) dead.add(aspect);
      else changes.set(container, kernelItems(this.desired.of(container)));
    }
    changes.set(
      place,
      planned.filter(({ after }) => !after || !dead.has((after as Wanted).aspect)),
    );
    return { changes, dead: [...dead].map((aspect) => aspect.slice("container/".length)) };
  }

  /** The last resort, for tables that somebody has changed beyond what a difference can mend. */
  async #reload(place: Place): Promise<boolean> {
    const items = [...this.desired.of(place).values()].map(({ item }) => item);
    const tables = ownershipOf(place).tables.map((table) => `add table ${table}\ndelete table ${table}\n`);
    try {
      const namespace = await this.places.open(place);
      const { items: before } = await this.look(place);
      const differing = planItems(before, heldBy(items)).filter(({ after, before: was }) => {
        const item = (after ?? was)?.item;
        return item !== undefined && isNft(item);
      });
      if (differing.length === 0) return false; // it was not nftables that failed
      await namespace.nft(tables.join("") + renderWhole(items, (chain) => this.#turn(place, chain)));
      return planItems((await this.look(place)).items, this.desired.of(place)).length === 0;
    } catch (error) {
      this.#logger.warn({ place, err: error }, "cannot load nftables rules anew");
      return false;
    }
  }

  async #remove(place: Place): Promise<void> {
    this.#verified.delete(place);
    await this.places.remove(place);
  }

  #touch(place: Place): void {
    this.#generations.set(place, (this.#generations.get(place) ?? 0) + 1);
  }
}

const kernelItems = (wanted: ReadonlyMap<ItemKey, Wanted>): ItemChange[] =>
  [...wanted].flatMap(([key, after]) => (isNft(after.item) ? [] : [{ key, before: undefined, after }]));

const flowsToRetry = (changes: ReadonlyMap<Place, readonly ItemChange[]>): StaleFlows[] =>
  [...changes].flatMap(([place, list]) => unanswered(list).map((filter: ConnectionFilter) => ({ place, filter })));
