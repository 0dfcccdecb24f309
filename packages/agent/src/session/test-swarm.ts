import { createCsr, createRootCa, Dispatcher, issueCertificate, type RootCa } from "@skep/manager";
import {
  type ClusterId,
  type Node,
  type NodeDescription,
  type NodeId,
  type NodeRole,
  newJoinToken,
  type ServiceId,
  silentLogger,
  systemClock,
  type Task,
  type TaskId,
} from "@skep/model";
import { MemoryStore, type Store } from "@skep/store";
import type { Identity } from "./identity.ts";

// A real dispatcher with a swarm behind it, on a port of the loopback.

const clusterId = "cluster-1" as ClusterId;
const time = "2026-01-01T00:00:00.000Z";
const meta = { version: 0, createdAt: time, updatedAt: time } as const;

export const rootCa: Promise<RootCa> = createRootCa(systemClock);

export const description: NodeDescription = {
  Hostname: "host",
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: { NanoCPUs: 2e9, MemoryBytes: 1e9 },
  Engine: { EngineVersion: "20.10.24" },
};

export async function identityFor(nodeId: NodeId, role: NodeRole = "worker", root?: RootCa): Promise<Identity> {
  const { csrPem, keyPem } = await createCsr();
  const ca = root ?? (await rootCa);
  const issue = { csrPem, rootCa: ca, nodeId, role, clusterId, expiryMs: 3.6e6, clock: systemClock };
  return { nodeId, clusterId, role, certPem: await issueCertificate(issue), keyPem, rootCaPem: ca.certPem };
}

export class TestSwarm implements AsyncDisposable {
  readonly store: Store;
  readonly identity: Identity;
  #dispatcher: Dispatcher;
  #port = 0;

  static async start(...nodes: readonly NodeId[]): Promise<TestSwarm> {
    const root = await rootCa;
    const store = new MemoryStore({ clock: systemClock });
    await store.update((tx) => {
      tx.put("cluster", {
        ...meta,
        id: clusterId,
        spec: { Name: "default", Dispatcher: { HeartbeatPeriod: 60e9 } },
        rootCa: root,
        joinTokens: { worker: newJoinToken(root.certPem), manager: newJoinToken(root.certPem) },
        defaultAddrPool: [],
        subnetSize: 24,
        dataPathPort: 4789,
        blockedNodes: {},
      });
      for (const id of nodes)
        tx.put("node", {
          ...meta,
          id,
          spec: { Labels: {}, Role: "worker", Availability: "active" },
          status: { state: "unknown", addr: "127.0.0.1" },
        });
    });
    const swarm = new TestSwarm(store, await identityFor("manager-1" as NodeId, "manager"));
    await swarm.listen();
    return swarm;
  }

  private constructor(store: Store, identity: Identity) {
    this.store = store;
    this.identity = identity;
    this.#dispatcher = this.#newDispatcher();
  }

  get dispatcher(): Dispatcher {
    return this.#dispatcher;
  }

  get addr(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get tokens(): { readonly worker: string; readonly manager: string } {
    const [cluster] = this.store.view().all("cluster");
    return cluster?.joinTokens ?? { worker: "", manager: "" };
  }

  /** The manager goes away, and can `listen` again at the same address. */
  async stop(): Promise<void> {
    await this.#dispatcher.close();
    this.#dispatcher = this.#newDispatcher();
  }

  async listen(): Promise<void> {
    this.#port = (await this.#dispatcher.listen({ host: "127.0.0.1", port: this.#port }, this.identity)).port;
  }

  node(id: NodeId): Node | undefined {
    return this.store.view().get("node", id);
  }

  task(id: string): Task | undefined {
    return this.store.view().get("task", id);
  }

  async assign(nodeId: NodeId, ...ids: readonly string[]): Promise<void> {
    await this.store.update((tx) => {
      for (const id of ids) tx.put("task", assignedTask(id, nodeId));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.close();
    await this.store.close();
  }

  #newDispatcher(): Dispatcher {
    return new Dispatcher({ store: this.store, clock: systemClock, logger: silentLogger });
  }
}

export const assignedTask = (id: string, nodeId: NodeId, rest: Partial<Task> = {}): Task => ({
  ...meta,
  id: id as TaskId,
  nodeId,
  serviceId: "service-1" as ServiceId,
  slot: 1,
  spec: { ContainerSpec: { Image: "busybox" } },
  specVersion: 1,
  serviceName: "web",
  serviceLabels: {},
  cause: "replica",
  desiredState: "running",
  status: { state: "assigned", timestamp: time, message: "" },
  ...rest,
});
