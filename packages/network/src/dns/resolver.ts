import { closeSync } from "node:fs";
import { openNamespace } from "../host/netns.ts";
import type { ClientView } from "./answer.ts";
import { Container } from "./container.ts";
import type { DnsClient, DnsPorts, Zone } from "./dns-server.ts";
import { type ForwardLimit, type Upstreams, upstreams } from "./forwarder.ts";
import { nodeDialer } from "./namespace-sockets.ts";
import { changeZone, type ZoneChange } from "./zone-change.ts";

/** The names of all networks and the sockets of all containers: what the thread keeps. */
export class Resolver {
  readonly #zones = new Map<string, Zone>();
  readonly #containers = new Map<string, Container>();
  readonly #limit: ForwardLimit = { outstanding: 0 };
  readonly #failed: (containerId: string, error: Error) => void;
  #given: readonly string[] = [];
  #node: Upstreams = upstreams([], nodeDialer);

  constructor(failed: (containerId: string, error: Error) => void) {
    this.#failed = failed;
  }

  putZone(zone: Zone): void {
    this.#zones.set(zone.networkId, zone);
    this.#refreshViews(zone.networkId);
  }

  changeZone(change: ZoneChange): void {
    const zone = this.#zones.get(change.networkId);
    if (zone !== undefined) this.putZone(changeZone(zone, change));
  }

  removeZone(networkId: string): void {
    this.#zones.delete(networkId);
    this.#refreshViews(networkId);
  }

  setUpstreams(servers: readonly string[]): void {
    if (servers.join() === this.#given.join()) return; // what is known of them holds
    this.#given = servers;
    this.#node = upstreams(servers, nodeDialer);
  }

  async open(client: DnsClient): Promise<DnsPorts> {
    const namespace = openNamespace(client.namespace);
    const known = this.#containers.get(client.containerId);
    if (known !== undefined && known.namespace.inode === namespace.inode) {
      closeSync(namespace.fd);
      known.change(client, this.#viewOf(client));
      return known.ports;
    }
    known?.close();
    this.#containers.delete(client.containerId);
    const container = await Container.open(client, namespace, this.#viewOf(client), {
      limit: this.#limit,
      nodeUpstreams: () => this.#node,
      failed: (error) => this.#failed(client.containerId, error),
    });
    this.#containers.set(client.containerId, container);
    container.view = this.#viewOf(client);
    return container.ports;
  }

  close(containerId: string): void {
    this.#containers.get(containerId)?.close();
    this.#containers.delete(containerId);
  }

  #viewOf({ networks, ndots }: DnsClient): ClientView {
    const zones = networks.map((id) => this.#zones.get(id)).filter((zone) => zone !== undefined);
    return { zones, ...(ndots !== undefined && { ndots }) };
  }

  #refreshViews(networkId: string): void {
    for (const container of this.#containers.values()) {
      if (container.client.networks.includes(networkId)) container.view = this.#viewOf(container.client);
    }
  }
}
