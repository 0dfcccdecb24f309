import type { NetworkId } from "@skep/model";
import type { DnsServer, Zone } from "./dns/dns-server.ts";
import type { NetworkState } from "./network-state.ts";
import type { Touched, ZoneTouched } from "./touched.ts";
import { lookUp, reverseOf, zoneOf } from "./zones.ts";

/** Tells the DNS server what touched names mean now; looks all of a network's names up only when it comes or goes. */
export class ZonePush {
  readonly #state: NetworkState;
  readonly #dns: DnsServer;
  readonly #pushed = new Map<NetworkId, Zone>();

  constructor(state: NetworkState, dns: DnsServer) {
    this.#state = state;
    this.#dns = dns;
  }

  async all(): Promise<void> {
    await Promise.all([...this.#state.networks.keys()].map((id) => this.#put(id, zoneOf(this.#state, id))));
  }

  async push(zones: Touched["zones"]): Promise<void> {
    await Promise.all(
      [...zones].map(([id, touched]) => {
        const before = this.#pushed.get(id);
        return this.#put(id, before && !touched.whole ? this.#changed(before, id, touched) : zoneOf(this.#state, id));
      }),
    );
  }

  async #put(id: NetworkId, zone: Zone | undefined): Promise<void> {
    if (zone) {
      if (zone === this.#pushed.get(id)) return;
      this.#pushed.set(id, zone);
      await this.#dns.putZone(zone);
    } else if (this.#pushed.delete(id)) await this.#dns.removeZone(id);
  }

  /** The zone after the change; itself when nothing means anything else. */
  #changed(zone: Zone, id: NetworkId, touched: ZoneTouched): Zone {
    const names = changedEntries(zone.names, touched.names, (name) => lookUp(this.#state, id, name), isSameTarget);
    const reverse = changedEntries(
      zone.reverse,
      touched.addresses,
      (address) => reverseOf(this.#state, id, address),
      (one, other) => one === other,
    );
    return names === zone.names && reverse === zone.reverse ? zone : { ...zone, names, reverse };
  }
}

function changedEntries<V>(
  before: ReadonlyMap<string, V>,
  keys: Iterable<string>,
  meaning: (key: string) => V | undefined,
  isSame: (one: V, other: V) => boolean,
): ReadonlyMap<string, V> {
  let after: Map<string, V> | undefined;
  for (const key of keys) {
    const was = before.get(key);
    const now = meaning(key);
    if (was === now || (was !== undefined && now !== undefined && isSame(was, now))) continue;
    after ??= new Map(before);
    if (now === undefined) after.delete(key);
    else after.set(key, now);
  }
  return after ?? before;
}

const isSameTarget = (one: { addresses: readonly string[]; ttlSeconds: number }, other: typeof one) =>
  one.ttlSeconds === other.ttlSeconds && one.addresses.join() === other.addresses.join();
