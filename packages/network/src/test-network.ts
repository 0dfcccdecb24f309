import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type EndpointRecord,
  type NetworkId,
  type NetworkRecord,
  type NodeId,
  type OverlayRecord,
  type PeerRecord,
  type ServiceId,
  type ServiceRecord,
  silentLogger,
  type TaskId,
} from "@skep/model";
import { createNodeNetwork } from "./create-node-network.ts";
import type { DnsServer, Zone } from "./dns/dns-server.ts";
import { changeZone, type ZoneChange } from "./dns/zone-change.ts";
import type { NodeNetwork } from "./node-network.ts";
import type { Sandbox } from "./sandbox.ts";
import { FakeKernel } from "./test-kernel.ts";

// Addresses of these tests: nodes 192.168.0.11 and up, this one 192.168.0.11; network `web` 10.0.1.0/24, `ingress` 10.0.0.0/24.

export const webNet = "netweb000000" as NetworkId;
export const ingressNet = "netingress00" as NetworkId;

export const overlay = (id: NetworkId, rest: Partial<OverlayRecord> = {}): OverlayRecord => ({
  kind: "network",
  id,
  name: "web",
  vni: 4097,
  subnets: [{ subnet: "10.0.1.0/24", gateway: "10.0.1.1" }],
  internal: false,
  ingress: false,
  attachable: true,
  ...rest,
});

export const ingressOverlay = overlay(ingressNet, {
  name: "ingress",
  vni: 4096,
  subnets: [{ subnet: "10.0.0.0/24", gateway: "10.0.0.1" }],
  ingress: true,
});

export const nodeId = (index: number) => `node${index}` as NodeId;

export const peer = (index: number, rest: Partial<PeerRecord> = {}): PeerRecord => ({
  kind: "peer",
  id: nodeId(index),
  hostname: `node${index}`,
  address: `192.168.0.${10 + index}`,
  index,
  down: false,
  ...rest,
});

export const service = (id: string, rest: Partial<ServiceRecord> = {}): ServiceRecord => ({
  kind: "service",
  id: id as ServiceId,
  name: id,
  mode: "vip",
  networks: [{ networkId: webNet, vip: "10.0.1.100", aliases: [] }],
  ports: [],
  ...rest,
});

export const endpoint = (
  id: string,
  node: number,
  address: string,
  rest: Partial<EndpointRecord> = {},
): EndpointRecord => ({
  kind: "endpoint",
  id: id as TaskId,
  name: `web.1.${id}`,
  serviceId: "web" as ServiceId,
  nodeId: nodeId(node),
  state: "ready",
  networks: [{ networkId: webNet, address: `${address}/24`, aliases: [] }],
  hostPorts: [],
  ...rest,
});

export const sandbox = (pid: number, address: string, rest: Partial<Sandbox> = {}): Sandbox => ({
  containerId: String(pid).repeat(64).slice(0, 64),
  pid,
  interfaces: [{ taskId: `t${pid}` as TaskId, networkId: webNet, address: `${address}/24` }],
  gateway: undefined,
  hostPorts: [],
  names: { servers: [] },
  ...rest,
});

/** Remembers what it was told. */
export class FakeDns implements DnsServer {
  readonly zones = new Map<string, Zone>();
  readonly clients = new Map<string, Parameters<DnsServer["open"]>[0]>();

  async putZone(zone: Zone): Promise<void> {
    this.zones.set(zone.networkId, zone);
  }
  async changeZone(change: ZoneChange): Promise<void> {
    const zone = this.zones.get(change.networkId);
    if (zone) this.zones.set(change.networkId, changeZone(zone, change));
  }
  async removeZone(networkId: string): Promise<void> {
    this.zones.delete(networkId);
  }
  async open(client: Parameters<DnsServer["open"]>[0]) {
    this.clients.set(client.containerId, client);
    return client.ports ?? { udp: 40_001, tcp: 40_002 };
  }
  async close(containerId: string): Promise<void> {
    this.clients.delete(containerId);
  }
  async setUpstreams(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

export interface TestNode {
  readonly network: NodeNetwork;
  readonly kernel: FakeKernel;
  readonly dns: FakeDns;
  readonly folder: string;
}

/** A data plane on a kernel that only remembers. With the folder and kernel of another it is that one, started again. */
export async function startNode(records: readonly NetworkRecord[], before?: TestNode): Promise<TestNode> {
  const kernel = before?.kernel ?? new FakeKernel();
  const dns = new FakeDns();
  const folder = before?.folder ?? (await mkdtemp(join(tmpdir(), "skep-network-")));
  const network = await createNodeNetwork({
    facts: { nodeId: nodeId(1), dataPathPort: 4789 },
    kernel,
    dns,
    dataFolder: folder,
    runFolder: folder,
    logger: silentLogger,
    ports: { hold: () => ({ [Symbol.dispose]() {} }), owners: async () => new Map() },
    legacyFirewall: { allow: async () => [], remove: async () => {} },
  });
  if (records.length > 0) await network.replaceAll(1, records);
  return { network, kernel, dns, folder };
}
