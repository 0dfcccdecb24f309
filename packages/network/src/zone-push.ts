import type { NetworkId } from "@skep/model";
import type { DnsServer } from "./dns/dns-server.ts";
import type { Difference } from "./dns/zone-change.ts";
import type { NetworkState } from "./network-state.ts";
import type { Touched, ZoneTouched } from "./touched.ts";
import { lookUp, reverseOf, zoneOf } from "./zones.ts";

/** Tells the DNS server what touched names mean now; looks all of a network's names up only when it comes or goes. */
export class ZonePush {
  readonly #state: NetworkState;
  readonly #dns: DnsServer;
  readonly #pushed = new Set<NetworkId>();

  constructor(state: NetworkState, dns: DnsServer) {
    this.#state = state;
    this.#dns = dns;
  }

  async all(): Promise<void> {
    await Promise.all([...this.#state.networks.keys()].map((id) => this.#whole(id)));
  }

  async push(zones: Touched["zones"]): Promise<void> {
    await Promise.all(
      [...zones].map(([id, touched]) => {
        if (touched.whole) return this.#whole(id);
        return this.#pushed.has(id) ? this.#part(id, touched) : undefined;
      }),
    );
  }

  async #whole(id: NetworkId): Promise<void> {
    const zone = zoneOf(this.#state, id);
    if (zone) {
      this.#pushed.add(id);
      await this.#dns.putZone(zone);
    } else if (this.#pushed.delete(id)) await this.#dns.removeZone(id);
  }

  async #part(id: NetworkId, { names, addresses }: ZoneTouched): Promise<void> {
    const name = this.#state.networks.get(id)?.name.toLowerCase() ?? "";
    await this.#dns.changeZone({
      networkId: id,
      name,
      names: differenceOf(names, (each) => lookUp(this.#state, id, each)),
      reverse: differenceOf(addresses, (address) => reverseOf(this.#state, id, address)),
    });
  }
}

function differenceOf<V>(keys: Iterable<string>, meaning: (key: string) => V | undefined): Difference<V> {
  const put: [string, V][] = [];
  const remove: string[] = [];
  for (const key of keys) {
    const value = meaning(key);
    if (value === undefined) remove.push(key);
    else put.push([key, value]);
  }
  return { put, remove };
}
