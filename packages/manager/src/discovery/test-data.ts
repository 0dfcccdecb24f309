import {
  isNeeded,
  type Network,
  type NetworkId,
  type NetworkRecord,
  type Node,
  type NodeDescription,
  type NodeId,
  type RecordKey,
  recordKey,
  type Service,
  type ServiceId,
  type Task,
  type TaskId,
} from "@skep/model";
import { MemoryStore, type Transaction } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { someNode, someService, someTask } from "../dispatcher/test-objects.ts";
import { Discovery } from "./discovery.ts";
import type { RecordSession } from "./node-link.ts";
import { type NetworkMessage, RecordQueue } from "./record-queue.ts";

// Objects with defaults, nodes that take records over as real ones do, and a store that is followed on demand.

export const description = (hostname: string): NodeDescription => ({
  Hostname: hostname,
  Platform: { Architecture: "x86_64", OS: "linux" },
  Resources: {},
  Engine: { EngineVersion: "20.10.24" },
});

/** `index` is its peer index and the last number of its address. */
export const node = (id: string, index: number, rest: Partial<Node> = {}): Node =>
  someNode(id as NodeId, {
    dataPath: { address: `192.168.0.${index}`, index },
    description: description(id),
    status: { state: "ready", addr: `192.168.0.${index}` },
    ...rest,
  });

export const network = (name: string, rest: Partial<Network["spec"]> = {}): Network => ({
  id: name as NetworkId,
  version: 0,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  spec: { Name: name, Driver: "overlay", ...rest },
  vni: 4097,
  subnets: [{ subnet: "10.0.1.0/24", gateway: "10.0.1.1" }],
});

export const service = (name: string, networks: readonly string[], rest: Partial<Service> = {}): Service =>
  someService(name as ServiceId, {
    spec: { Name: name, TaskTemplate: { Networks: networks.map((Target) => ({ Target })) } },
    endpoint: {
      virtualIps: networks.map((networkId) => ({ networkId: networkId as NetworkId, address: "10.0.1.2/24" })),
    },
    ...rest,
  });

export const task = (id: string, nodeId: string, networks: readonly string[], rest: Partial<Task> = {}): Task =>
  someTask(id as TaskId, {
    nodeId: nodeId as NodeId,
    serviceId: "web" as ServiceId,
    networks: networks.map((networkId) => ({ networkId: networkId as NetworkId, address: "10.0.1.5/24", aliases: [] })),
    ...rest,
  });

export const inState = (task: Task, state: Task["status"]["state"]): Task => ({
  ...task,
  status: { ...task.status, state },
});

/** A node's end of a session, with the node's own rule of what to keep. Takes messages when the test says so. */
export class SimulatedNode implements RecordSession {
  readonly nodeId: NodeId;
  readonly records: RecordQueue;
  readonly held: Map<RecordKey, NetworkRecord>;
  readonly messages: NetworkMessage[] = [];
  revision = 0;

  /** `before` is what the node holds from an earlier session. */
  constructor(
    nodeId: string,
    clock: FakeClock,
    options: { readonly maxChanges?: number; readonly before?: SimulatedNode } = {},
  ) {
    this.nodeId = nodeId as NodeId;
    this.records = new RecordQueue(this.nodeId, clock, options.maxChanges);
    this.held = new Map(options.before?.held);
  }

  sendAllRecords(revision: number, records: readonly NetworkRecord[]): void {
    this.#receive(this.records.replaceAll(revision, records));
  }

  /** A slow reader: see `read`. */
  flush(): void {}

  /** Takes the next message that waits; false when there is none. */
  read(): boolean {
    const message = this.records.take();
    if (message) this.#receive(message);
    return message !== undefined;
  }

  get keys(): string {
    return [...this.held.keys()].sort().join(" ");
  }

  #receive(message: NetworkMessage): void {
    this.messages.push(message);
    if (message.full) this.held.clear();
    for (const key of message.remove) this.held.delete(key);
    for (const record of message.put) this.held.set(recordKey(record), record);
    this.revision = message.revision;
    this.#forget();
  }

  #forget(): void {
    const networks = new Set<NetworkId>();
    for (const record of this.held.values()) {
      if (record.kind === "network" && record.ingress) networks.add(record.id);
      if (record.kind === "endpoint" && record.nodeId === this.nodeId)
        for (const { networkId } of record.networks) networks.add(networkId);
    }
    for (const [key, record] of this.held) if (!isNeeded(record, this.nodeId, networks)) this.held.delete(key);
  }
}

export class TestRecords implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore({ clock: this.clock });
  readonly #watching = new AbortController();
  #changes = this.store.watch(0, this.#watching.signal)[Symbol.asyncIterator]();
  #discovery = new Discovery({ clock: this.clock });

  static async of(write: (tx: Transaction) => void): Promise<TestRecords> {
    const records = new TestRecords();
    await records.store.update(write);
    records.restart();
    return records;
  }

  get discovery(): Discovery {
    return this.#discovery;
  }

  /** As a new manager finds the store. */
  restart(): void {
    this.#discovery = new Discovery({ clock: this.clock });
    this.loseHistory();
  }

  loseHistory(): void {
    this.#discovery.restart(this.store.view());
    this.#changes = this.store.watch(this.#discovery.revision, this.#watching.signal)[Symbol.asyncIterator]();
  }

  /** Writes, and follows the store up to there. */
  async write(write: (tx: Transaction) => void): Promise<void> {
    await this.store.update(write);
    while (this.#discovery.revision < this.store.view().revision) {
      const next = await this.#changes.next();
      if (next.value) this.#discovery.follow(next.value);
    }
  }

  edit(id: string, change: (task: Task) => Task): Promise<void> {
    return this.write((tx) => {
      const found = tx.get("task", id);
      if (found) tx.put("task", change(found));
    });
  }

  setState(id: string, state: Task["status"]["state"]): Promise<void> {
    return this.edit(id, (found) => inState(found, state));
  }

  setNode(id: string, state: Node["status"]["state"]): Promise<void> {
    return this.write((tx) => {
      const found = tx.get("node", id);
      if (found) tx.put("node", { ...found, status: { ...found.status, state } });
    });
  }

  /** A session that has its full set. */
  connect(nodeId: string, options: ConstructorParameters<typeof SimulatedNode>[2] = {}): SimulatedNode {
    const session = new SimulatedNode(nodeId, this.clock, options);
    this.#discovery.open(session);
    return session;
  }

  /** The node reads all there is, and its kernel has it. */
  bring(session: SimulatedNode): void {
    while (session.read());
    this.acknowledge(session);
  }

  acknowledge(session: SimulatedNode): void {
    this.#discovery.acknowledge(session, session.revision, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching.abort();
    await this.store.close();
  }
}
