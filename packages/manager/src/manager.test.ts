import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import { type NodeId, type RecordKey, recordKey, silentLogger, systemClock, type TaskId } from "@skep/model";
import { MemoryStore } from "@skep/store";
import { freePort } from "@skep/testkit";
import { expect, test } from "vitest";
import { createNetwork, createService, removeService } from "./control/index.ts";
import { createCluster, type ManagerIdentity } from "./create-cluster.ts";
import { description, TestAgent } from "./dispatcher/test-swarm.ts";
import { Manager } from "./manager.ts";

// The whole control plane, and an agent that says what the test lets it say.

const eventually = (read: () => unknown) => expect.poll(read, { timeout: 5000, interval: 5 });

/** The manager's own node, whose kernel takes everything over when the test says so. */
class Node {
  readonly agent: TestAgent;
  readonly id: NodeId;
  readonly records = new Set<RecordKey>();
  revision = 0;

  constructor(identity: ManagerIdentity, port: number) {
    const socket = connectTls({
      host: "127.0.0.1",
      port,
      ca: identity.rootCaPem,
      cert: identity.certPem,
      key: identity.keyPem,
      servername: "swarm-manager",
      ALPNProtocols: ["h2"],
    });
    const connection = connectHttp2("https://swarm-manager", { createConnection: () => socket });
    connection.on("error", () => {});
    this.id = identity.nodeId;
    this.agent = new TestAgent(connection);
    this.agent.say({ type: "hello", description, appliedRevision: 0 });
  }

  /** Takes records over until the condition holds. */
  async readUntil(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const { put, remove, revision } = await this.agent.next("network");
      for (const record of put) this.records.add(recordKey(record));
      for (const key of remove) this.records.delete(key);
      this.revision = revision;
    }
  }

  acknowledge(): void {
    this.agent.say({ type: "network-applied", revision: this.revision, problems: [] });
  }
}

test("an address is somebody's until its node's kernel has forgotten it", async () => {
  const store = new MemoryStore({ clock: systemClock });
  const identity = await createCluster(store, systemClock, {
    spec: { Name: "default", Dispatcher: { HeartbeatPeriod: 60e9 } },
    availability: "active",
    advertiseAddr: "127.0.0.1:2377",
    address: "127.0.0.1",
    defaultAddrPool: [],
    subnetSize: 24,
    dataPathPort: 4789,
  });
  const manager = new Manager({ store, clock: systemClock, logger: silentLogger });
  const port = await freePort();
  await manager.start({ host: "127.0.0.1", port }, identity, (error) => {
    throw error;
  });
  const node = new Node(identity, port);
  const network = await createNetwork(store, { Name: "net" }, manager.control);
  const ContainerSpec = { Image: "busybox" };
  const spec = { Name: "web", TaskTemplate: { ContainerSpec, Networks: [{ Target: "net" }] } };
  await createService(store, spec, undefined, manager.control);

  const endpoint = () => [...node.records].find((key) => key.startsWith("endpoint/"));
  await node.readUntil(() => endpoint() !== undefined);
  node.acknowledge();
  const taskId = (endpoint() ?? "").slice("endpoint/".length) as TaskId;
  const addresses = () => store.view().find("address", "owner", taskId);
  expect(addresses()).toHaveLength(1);
  const onNetwork = () => manager.networkProgress().networks.find(({ networkId }) => networkId === network)?.nodes;
  await eventually(() => onNetwork()?.map(({ hostname, upToDate }) => `${hostname} ${upToDate}`)).toEqual([
    "host true",
  ]);

  await removeService(store, "web");
  const timestamp = new Date().toISOString();
  const status = { state: "shutdown", timestamp, message: "shutdown" } as const;
  node.agent.say({ type: "status", updates: [{ taskId, status }] });
  await node.readUntil(() => endpoint() === undefined);
  await eventually(() => addresses()[0]?.releasedAt).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(addresses()).toHaveLength(1);
  node.acknowledge();
  await eventually(addresses).toEqual([]);
  node.agent.vanish();
  await manager.stop();
  await store.close();
});
