import type { NamespacePath } from "../host/kernel.ts";
import type { ZoneChange } from "./zone-change.ts";

/** What names mean on one network; a pure function of its records. Names are in lower case, addresses bare. */
export interface Zone {
  readonly networkId: string;
  /** As in `web.NETWORK`. */
  readonly name: string;
  /** VIPs (of one service, or of several that share an alias), or for `dnsrr` the addresses of the ready tasks. */
  readonly names: ReadonlyMap<string, NameTarget>;
  /** `tasks.NAME` and names of single containers are in `names` too. Address → canonical name without the network. */
  readonly reverse: ReadonlyMap<string, string>;
}

export interface NameTarget {
  readonly addresses: readonly string[];
  /** VIPs change rarely and say so (600 s, as Docker); addresses of tasks are told for a short time only. */
  readonly ttlSeconds: number;
}

/** A container that asks. */
export interface DnsClient {
  readonly containerId: string;
  readonly namespace: NamespacePath;
  /** Networks it is attached to, in the order in which they are searched. */
  readonly networks: readonly string[];
  /** Its own servers, asked from inside its namespace; empty: the node's, asked from the node. */
  readonly servers: readonly string[];
  /** False on internal networks only: names outside the swarm are not forwarded. */
  readonly forwards: boolean;
  /** As in the container's resolv.conf, when its operator chose it: above 0, bare names are not forwarded either. */
  readonly ndots?: number;
  /** The ports of an earlier process, to be taken again so that the container's rules still hold. */
  readonly ports?: DnsPorts;
}

/** Where the sockets in the container listen, on 127.0.0.11. */
export interface DnsPorts {
  readonly udp: number;
  readonly tcp: number;
}

/** Answers at 127.0.0.11 in every container, from a thread of its own. */
export interface DnsServer extends AsyncDisposable {
  /** Replaces what one network's names mean; the maps are the server's from then on. Resolves when answers follow it. */
  putZone(zone: Zone): Promise<void>;
  /** Changes single names of a zone that was put before; costs what the change does. */
  changeZone(change: ZoneChange): Promise<void>;
  removeZone(networkId: string): Promise<void>;
  /** Opens the container's sockets, or changes what it may see. Raises its loopback when that is down. */
  open(client: DnsClient): Promise<DnsPorts>;
  /** Closes its sockets: they would keep its namespace alive. */
  close(containerId: string): Promise<void>;
  /** The node's own upstream servers, as in its resolv.conf. */
  setUpstreams(servers: readonly string[]): Promise<void>;
}
