import { hostPlace, isContainerPlace, type Place } from "./aspect.ts";
import type { Namespace, NetlinkRequest } from "./host/kernel.ts";
import { describeRequest } from "./host/netlink/describe.ts";
import type { VxlanItem } from "./items/item.ts";
import { type ItemChange, type NetlinkPlan, nftChanges, planNetlink } from "./items/plan.ts";
import { renderNft } from "./items/render-nft.ts";
import type { Places } from "./places.ts";

/** What became of changes: where something failed, and what was done, as commands. */
export interface Applied {
  readonly failures: ReadonlyMap<Place, Error>;
  readonly commands: readonly string[];
}

/**
 * Carries changes out in all their namespaces: what is new everywhere, then all of nftables, then what goes, so that no
 * packet is sent where there is no way yet or none any more. A namespace that fails does not keep the others from theirs.
 */
export async function applyChanges(
  places: Places,
  changes: ReadonlyMap<Place, readonly ItemChange[]>,
  turn: PlaceTurn,
): Promise<Applied> {
  const work = new Work(places, turn);
  try {
    await work.open(changes);
    await work.make();
    await work.loadRules();
    await work.takeAway();
  } finally {
    work.close();
  }
  return work;
}

/** How far the targets of a balancer are turned, by its namespace and chain. */
export type PlaceTurn = (place: Place, chain: string) => number;

interface Target {
  readonly place: Place;
  readonly namespace: Namespace;
  readonly netlink: NetlinkPlan;
  readonly nft: string;
}

class Work implements Applied {
  readonly failures = new Map<Place, Error>();
  readonly commands: string[] = [];
  readonly #places: Places;
  readonly #turn: PlaceTurn;
  readonly #targets: Target[] = [];

  constructor(places: Places, turn: PlaceTurn) {
    this.#places = places;
    this.#turn = turn;
  }

  /** The node's own namespace comes first and containers last: links are made from one into the next. */
  async open(changes: ReadonlyMap<Place, readonly ItemChange[]>): Promise<void> {
    const opened = await Promise.all(
      [...changes].map(([place, list]) => this.#try(place, () => this.#target(place, list))),
    );
    this.#targets.push(...opened.filter((target) => target !== undefined));
    this.#targets.sort((a, b) => placeRank(a.place) - placeRank(b.place));
  }

  async make(): Promise<void> {
    for (const group of this.#groups())
      await Promise.all(group.map((target) => this.#try(target.place, () => this.#make(target))));
  }

  async loadRules(): Promise<void> {
    await Promise.all(
      this.#targets.map(({ place, namespace, nft }) =>
        this.#try(place, async () => {
          if (!nft) return;
          this.#tell(
            place,
            ...nft
              .trimEnd()
              .split("\n")
              .map((line) => `nft ${line}`),
          );
          await namespace.nft(nft);
        }),
      ),
    );
  }

  async takeAway(): Promise<void> {
    await Promise.all(
      this.#targets.map(({ place, namespace, netlink }) =>
        // what a container had went with its devices
        this.#try(place, () =>
          isContainerPlace(place) ? undefined : this.#netlink(place, namespace, netlink.deletes),
        ),
      ),
    );
  }

  close(): void {
    for (const { place, namespace } of this.#targets) if (isContainerPlace(place)) namespace[Symbol.dispose]();
  }

  async #target(place: Place, changes: readonly ItemChange[]): Promise<Target> {
    const namespace = await this.#places.open(place);
    const turn = (chain: string) => this.#turn(place, chain);
    // a container is not looked into first: it may have a table of an earlier attachment that has been forgotten
    const nft = renderNft(nftChanges(changes), turn, { mayExist: isContainerPlace(place) });
    return { place, namespace, netlink: planNetlink(changes), nft };
  }

  *#groups(): Iterable<Target[]> {
    for (const rank of [0, 1, 2]) yield this.#targets.filter(({ place }) => placeRank(place) === rank);
  }

  async #make({ place, namespace, netlink }: Target): Promise<void> {
    this.#sysctls(place, namespace, netlink.sysctls);
    // links that are replaced go first, and tunnels are made from the node's own namespace
    const replaced = netlink.links.filter((request) => request.do === "delete-link");
    await this.#netlink(place, namespace, replaced);
    if (netlink.vxlans.length > 0) await this.#makeTunnels(place, namespace, netlink.vxlans);
    const others = netlink.links.filter((request) => request.do !== "delete-link");
    if (Object.keys(netlink.deviceSysctls).length === 0)
      return this.#netlink(place, namespace, [...others, ...netlink.puts]);
    await this.#netlink(place, namespace, others);
    this.#sysctls(place, namespace, netlink.deviceSysctls);
    await this.#netlink(place, namespace, netlink.puts);
  }

  async #makeTunnels(place: Place, { path }: Namespace, tunnels: readonly VxlanItem[]): Promise<void> {
    const host = await this.#places.open(hostPlace);
    const requests = tunnels.map(
      ({ kind: _, ...tunnel }): NetlinkRequest => ({ do: "add-vxlan", ...tunnel, in: path }),
    );
    await this.#netlink(place, host, requests);
  }

  #sysctls(place: Place, namespace: Namespace, values: Readonly<Record<string, string>>): void {
    if (Object.keys(values).length === 0) return;
    for (const name of namespace.sysctls(values)) this.#tell(place, `sysctl -w ${name}=${values[name]}`);
  }

  async #netlink(place: Place, namespace: Namespace, requests: readonly NetlinkRequest[]): Promise<void> {
    if (requests.length === 0) return;
    this.#tell(place, ...requests.map(describeRequest));
    await namespace.netlink(requests);
  }

  #tell(place: Place, ...commands: string[]): void {
    this.commands.push(...commands.map((command) => (place === hostPlace ? command : `${place}: ${command}`)));
  }

  async #try<T>(place: Place, work: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!this.failures.has(place))
        this.failures.set(place, error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }
}

const placeRank = (place: Place) => (place === hostPlace ? 0 : isContainerPlace(place) ? 2 : 1);
