import type { Cluster, ClusterId, NetworkId, Node, NodeId, NodeSpec, ServiceSpec } from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import type { ControlContext } from "../control/index.ts";
import { putEngineNetworks, putIngressNetwork } from "./default-networks.ts";
import { Ipam } from "./ipam.ts";
import type { ReleaseGate } from "./release-gate.ts";

const meta = { version: 0, createdAt: "", updatedAt: "" };

export interface SwarmOptions {
  readonly pool?: readonly string[];
  readonly subnetSize?: number;
}

export const cluster = ({ pool = [], subnetSize = 24 }: SwarmOptions = {}): Cluster => ({
  ...meta,
  id: "cluster-1" as ClusterId,
  spec: {},
  rootCa: { certPem: "", keyPem: "" },
  joinTokens: { worker: "", manager: "" },
  defaultAddrPool: pool,
  subnetSize,
  dataPathPort: 4789,
  blockedNodes: {},
});

export const node = (id: string, routes?: readonly string[]): Node => ({
  ...meta,
  id: id as NodeId,
  spec: { Role: "worker", Availability: "active" } satisfies NodeSpec,
  status: { state: "ready", addr: "192.168.0.1" },
  description: {
    Hostname: `host-${id}`,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: {},
    Engine: { EngineVersion: "28.2.2" },
    ...(routes && { Routes: routes }),
  },
});

/** A store with what `swarm init` puts there; `ingress` has the pool's first subnet. */
export async function newSwarm(
  options: SwarmOptions = {},
  store: Store = new MemoryStore({ clock: new FakeClock() }),
): Promise<{ store: Store; context: ControlContext; ingress: NetworkId }> {
  const ipam = new Ipam();
  await store.update((tx) => {
    tx.put("cluster", cluster(options));
    putEngineNetworks(tx);
    putIngressNetwork(tx, cluster(options), ipam);
  });
  const ingress = [...store.view().all("network")].find(({ spec }) => spec.Ingress)?.id ?? ("" as NetworkId);
  return { store, context: { ipam, probePorts: async () => [] }, ingress };
}

export interface ServiceParts {
  readonly networks?: readonly string[];
  /** `8080:80`, `:53/udp`, `host:8080:80`. */
  readonly ports?: readonly string[];
  readonly mode?: "vip" | "dnsrr";
  readonly replicas?: number;
  readonly image?: string;
}

/** A service as `docker service create` sends it. */
export function serviceSpec(name: string, parts: ServiceParts = {}): ServiceSpec {
  const { networks = [], ports = [], mode = "vip", replicas = 1, image = "ok" } = parts;
  return {
    Name: name,
    TaskTemplate: {
      ContainerSpec: { Image: image },
      ...(networks.length > 0 && { Networks: networks.map((Target) => ({ Target, Aliases: [`${name}-alias`] })) }),
    },
    Mode: { Replicated: { Replicas: replicas } },
    EndpointSpec: { Mode: mode, ...(ports.length > 0 && { Ports: ports.map(port) }) },
  };
}

function port(text: string) {
  const [, host, published, target, protocol = "tcp"] = /^(host:)?(\d*):(\d+)(?:\/(\w+))?$/.exec(text) ?? [];
  return {
    Protocol: protocol as "tcp" | "udp",
    TargetPort: Number(target),
    ...(published && { PublishedPort: Number(published) }),
    PublishMode: host ? ("host" as const) : ("ingress" as const),
  };
}

/** Nodes that acknowledge when the test says so. */
export class FakeGate implements ReleaseGate {
  /** Per network: nothing older than this is in any kernel. */
  readonly acknowledged = new Map<NetworkId, number>();
  #waiters: (() => void)[] = [];

  async whenAcknowledged(networkId: NetworkId, revision: number, signal: AbortSignal): Promise<void> {
    while ((this.acknowledged.get(networkId) ?? 0) < revision && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Every node's kernel now runs what the store says. */
  acknowledge(store: Store): void {
    const { revision } = store.view();
    for (const { id } of store.view().all("network")) this.acknowledged.set(id, revision);
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
