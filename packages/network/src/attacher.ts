import { bare, DomainError, type PublishedPort } from "@skep/model";
import { type Attachment, gatewayInterface } from "./attachment.ts";
import type { DnsServer } from "./dns/dns-server.ts";
import type { Kernel, Link, Namespace } from "./host/kernel.ts";
import type { NetworkState } from "./network-state.ts";
import type { AttachedInterface } from "./node-network.ts";
import { addressAt, containerMac, egressPool } from "./overlay/addresses.ts";
import { resolverTable } from "./overlay/container.ts";
import { openContainer } from "./places.ts";
import type { PortHolds } from "./port-holds.ts";
import type { Sandbox } from "./sandbox.ts";

/** What the container has already, of the engine's networks or of an earlier attachment. */
export interface Found {
  readonly namespace: string;
  readonly inode: number;
  readonly links: readonly Link[];
  /** Devices of default routes. */
  readonly defaultDevices: readonly (string | undefined)[];
}

/** Chooses what a sandbox leaves open: names of devices, an address for the way out, free ports; opens its resolver. */
export class Attacher {
  readonly #kernel: Kernel;
  readonly #state: NetworkState;
  readonly #dns: DnsServer;
  readonly #holds: PortHolds;
  /** Egress addresses of attachments that are being made, by container. */
  readonly #promised = new Map<string, string>();
  #lastEgress = 0;

  constructor(kernel: Kernel, state: NetworkState, dns: DnsServer, holds: PortHolds) {
    this.#kernel = kernel;
    this.#state = state;
    this.#dns = dns;
    this.#holds = holds;
  }

  async find({ containerId, pid }: Sandbox): Promise<Found> {
    const namespace = await this.#kernel.open(`/proc/${pid}/ns/net`).catch((cause: unknown) => {
      throw new DomainError("conflict", `container ${containerId} is not running`, { cause });
    });
    try {
      const [links, routes] = await Promise.all([namespace.links(), namespace.routes()]);
      const defaultDevices = routes.filter(isDefault).map(({ device }) => device);
      return { namespace: namespace.path, inode: namespace.inode, links, defaultDevices };
    } finally {
      namespace[Symbol.dispose]();
    }
  }

  async prepare(sandbox: Sandbox, found: Found): Promise<Attachment> {
    const before = this.#state.attachments.get(sandbox.containerId);
    const interfaces = this.#interfaces(sandbox, found, before);
    const hasGateway = interfaces.some(({ networkId }) => networkId === gatewayInterface);
    const hostPorts = hasGateway ? await this.#hostPorts(sandbox, before) : [];
    const dns = await this.#dns.open({
      containerId: sandbox.containerId,
      namespace: found.namespace,
      networks: sandbox.interfaces.map(({ networkId }) => networkId),
      ...sandbox.names,
      forwards: hasGateway || found.defaultDevices.length > 0,
      ...(before && { ports: before.dns }),
    });
    return { sandbox, inode: found.inode, interfaces, hostPorts, dns };
  }

  /** A container that runs on without us asks its own resolver again. */
  async leave({ sandbox, inode }: Attachment): Promise<void> {
    const namespace = await openContainer(this.#kernel, sandbox.pid, inode).catch(() => undefined);
    if (!namespace) return;
    try {
      await namespace.nft(`add table ${resolverTable}\ndelete table ${resolverTable}\n`);
    } finally {
      namespace[Symbol.dispose]();
    }
  }

  /** The attachment is in the state, or will not be. */
  settled(containerId: string): void {
    this.#promised.delete(containerId);
  }

  #interfaces(sandbox: Sandbox, { links, defaultDevices }: Found, before: Attachment | undefined): AttachedInterface[] {
    const wanted = sandbox.interfaces.map(({ networkId, address }) => ({
      networkId: networkId as string,
      address,
      mac: containerMac(bare(address)),
    }));
    const ours = new Set(before?.interfaces.map(({ device }) => device));
    const leadsOut = defaultDevices.some((device) => device === undefined || !ours.has(device));
    if (sandbox.gateway && !leadsOut) {
      const address = sandbox.gateway.address ?? this.#egressAddress(sandbox.containerId, before);
      wanted.push({ networkId: gatewayInterface, address, mac: containerMac(bare(address)) });
    }
    const names = new DeviceNames(links);
    return wanted.map((each) => ({ ...each, device: names.of(each.mac) }));
  }

  #egressAddress(containerId: string, before: Attachment | undefined): string {
    const known = before?.interfaces.find(({ networkId }) => networkId === gatewayInterface)?.address;
    if (known?.startsWith(egressPrefix)) return known;
    const taken = new Set(this.#promised.values());
    for (const key of this.#state.outgoing) taken.add(this.#egressOf(key));
    for (let tries = 0; tries < egressSize; tries++) {
      this.#lastEgress = (this.#lastEgress % egressSize) + 1;
      const address = `${addressAt(egressPool, this.#lastEgress)}/16`;
      if (taken.has(address)) continue;
      this.#promised.set(containerId, address);
      return address;
    }
    throw new DomainError("unavailable", `no address is left in ${egressPool} on this node`);
  }

  #egressOf(containerId: string): string {
    const { interfaces = [] } = this.#state.attachments.get(containerId) ?? {};
    return interfaces.find(({ networkId }) => networkId === gatewayInterface)?.address ?? "";
  }

  /** In the engine's words: an operator meets them in `docker service ps`. */
  async #hostPorts({ containerId, hostPorts }: Sandbox, before: Attachment | undefined): Promise<PublishedPort[]> {
    const ports: PublishedPort[] = [];
    for (const port of hostPorts) {
      const known = before?.hostPorts.find((each) => isSamePort(each, port) && !ports.includes(each));
      const chosen = known ?? (await this.#take(containerId, port));
      ports.push(chosen);
    }
    return ports;
  }

  async #take(containerId: string, port: PublishedPort): Promise<PublishedPort> {
    const { protocol, published } = port;
    if (published === 0) {
      const free = this.#holds.takeFree(protocol);
      if (free === undefined) throw new DomainError("unavailable", `no free ${protocol} port is left on this node`);
      return { ...port, published: free };
    }
    const others = [...this.#state.attachmentsOnPort.get(`${protocol}/${published}`)].filter(
      (id) => id !== containerId,
    );
    if (others.length > 0 || this.#state.servicesOnPort.has(`${protocol}/${published}`))
      throw new DomainError("conflict", `Bind for 0.0.0.0:${published} failed: port is already allocated`);
    const owner = await this.#holds.takeOne(port);
    if (owner === undefined) return port;
    throw new DomainError(
      "conflict",
      `failed to bind host port for 0.0.0.0:${published}/${protocol}: address already in use by ${owner}`,
    );
  }
}

const isSamePort = (known: PublishedPort, asked: PublishedPort) =>
  known.protocol === asked.protocol &&
  known.target === asked.target &&
  (asked.published === 0 || known.published === asked.published);

const isDefault = ({ destination, table }: Awaited<ReturnType<Namespace["routes"]>>[number]) =>
  (destination === "default" || destination === "0.0.0.0/0") && (table === undefined || table === 254);

const egressPrefix = "100.66.";
const egressSize = 65_533;

/** `eth0`, `eth1`… after those that are there; a device of ours is known again by its MAC address. */
class DeviceNames {
  readonly #byMac = new Map<string, string>();
  #next: number;

  constructor(links: readonly Link[]) {
    for (const { mac, name } of links) this.#byMac.set(mac, name);
    const numbers = links.map(({ name }) => Number(/^eth(\d+)$/.exec(name)?.[1] ?? -1));
    this.#next = Math.max(-1, ...numbers) + 1;
  }

  of(mac: string): string {
    return this.#byMac.get(mac) ?? `eth${this.#next++}`;
  }
}
