import { type NetworkRecord, recordKey, type TaskId, type TaskState } from "@skep/model";
import { settle } from "@skep/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import { RecordIndex } from "./record-index.ts";
import { network, node, type SimulatedNode, service, TestRecords, task } from "./test-data.ts";

const nodeIds = ["n1", "n2"];
const networkIds = ["ingress", "web", "db"];
const taskIds = ["t1", "t2", "t3", "t4"];
const serviceIds = ["s1", "s2"];
const someNetworks = fc.subarray(["web", "db"]);
const anyOf = (ids: readonly string[]) => fc.constantFrom(...ids);

const mesh = fc.integer({ max: 3, min: 0 }).map((chance) => chance === 0);
const often = fc.oneof(
  fc.record({
    do: fc.constant("task" as const),
    id: anyOf(taskIds),
    node: anyOf(nodeIds),
    networks: someNetworks,
    mesh,
  }),
  fc.record({
    do: fc.constant("state" as const),
    id: anyOf(taskIds),
    state: fc.constantFrom<TaskState>("running", "failed", "preparing"),
  }),
  fc.record({ do: fc.constant("delete" as const), kind: fc.constant("task" as const), id: anyOf(taskIds) }),
  fc.record({
    do: fc.constant("read" as const),
    id: anyOf(nodeIds),
    count: fc.integer({ min: 1, max: 8 }),
    acknowledge: fc.boolean(),
  }),
);
const sometimes = fc.oneof(
  fc.record({ do: fc.constant("withdraw" as const), id: anyOf(taskIds) }),
  fc.record({ do: fc.constant("delete" as const), kind: fc.constant("service" as const), id: anyOf(serviceIds) }),
  fc.record({ do: fc.constant("service" as const), id: anyOf(serviceIds), networks: someNetworks, mesh }),
  fc.record({
    do: fc.constant("node" as const),
    id: anyOf(nodeIds),
    state: fc.constantFrom("ready" as const, "down" as const, "unknown" as const),
    rename: fc.boolean(),
  }),
  fc.record({ do: fc.constant("settle" as const), id: anyOf(taskIds) }),
);
const rarely = fc.oneof(
  fc.record({ do: fc.constant("network" as const), id: anyOf(networkIds) }),
  fc.record({ do: fc.constant("remove-node" as const), id: anyOf(nodeIds) }),
  fc.record({ do: fc.constant("reconnect" as const), id: anyOf(nodeIds) }),
  fc.record({ do: fc.constant("disconnect" as const), id: anyOf(nodeIds) }),
  fc.constant({ do: "lose-history" as const }),
);
const step = fc.oneof(
  { arbitrary: often, weight: 12 },
  { arbitrary: sometimes, weight: 5 },
  { arbitrary: rarely, weight: 1 },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const order = ["starting", "ready", "draining"];

/** Carries steps out, and looks at every settled task whether those who had to know do. */
class Run {
  readonly records: TestRecords;
  readonly sessions = new Map<string, SimulatedNode>();
  readonly #waits = new AbortController();
  readonly faults: string[] = [];

  constructor(records: TestRecords) {
    this.records = records;
  }

  async do(step: Step): Promise<void> {
    const { records } = this;
    switch (step.do) {
      case "task":
        return records.write((tx) => {
          const networks = [...(step.mesh ? ["ingress"] : []), ...step.networks].filter((id) => tx.get("network", id));
          const Hostname = step.mesh ? "{{.Node.Hostname}}" : "plain";
          if (!tx.get("task", step.id) && tx.get("node", step.node))
            tx.put("task", task(step.id, step.node, networks, { spec: { ContainerSpec: { Hostname } } }));
        });
      case "state":
        return records.setState(step.id, step.state);
      case "withdraw":
        return records.edit(step.id, (found) => ({ ...found, withdrawn: true }));
      case "delete":
        return records.write((tx) => tx.delete(step.kind, step.id));
      case "service":
        return records.write((tx) => {
          const networks = [...(step.mesh ? ["ingress"] : []), ...step.networks].filter((id) => tx.get("network", id));
          tx.put("service", { ...service(step.id, networks), version: tx.get("service", step.id)?.version ?? 0 });
        });
      case "network":
        return records.write((tx) => {
          const used = [...tx.all("task"), ...tx.all("service")].some((user) =>
            JSON.stringify(user).includes(`"${step.id}"`),
          );
          if (!tx.get("network", step.id)) tx.put("network", network(step.id, { Ingress: step.id === "ingress" }));
          else if (!used) tx.delete("network", step.id);
        });
      case "node":
        return records.write((tx) => {
          const found = tx.get("node", step.id) ?? node(step.id, nodeIds.indexOf(step.id) + 1);
          const hostname = step.rename ? `${step.id}-renamed` : step.id;
          const described = found.description && { ...found.description, Hostname: hostname };
          tx.put("node", {
            ...found,
            status: { ...found.status, state: step.state },
            ...(described && { description: described }),
          });
        });
      case "remove-node":
        this.#disconnect(step.id);
        return records.write((tx) => {
          tx.delete("node", step.id);
          for (const { id } of tx.find("task", "node", step.id)) tx.delete("task", id);
        });
      case "read":
        this.#read(step.id, step.count, step.acknowledge);
        return;
      case "reconnect":
        this.connect(step.id);
        return;
      case "disconnect":
        this.#disconnect(step.id);
        return;
      case "settle":
        this.#settle(step.id);
        return;
      case "lose-history":
        records.loseHistory();
    }
  }

  connect(id: string): void {
    if (!this.records.store.view().get("node", id)) return;
    this.#disconnect(id);
    const before = this.sessions.get(id);
    this.sessions.set(id, this.records.connect(id, { maxChanges: 2, ...(before && { before }) }));
  }

  async end(): Promise<void> {
    this.#waits.abort(new Error("over"));
    await settle();
  }

  #read(id: string, count: number, acknowledge: boolean): void {
    const session = this.sessions.get(id);
    if (!session) return;
    for (let i = 0; i < count; i++) session.read();
    if (acknowledge) this.records.acknowledge(session);
  }

  #disconnect(id: string): void {
    const session = this.sessions.get(id);
    if (session) this.records.discovery.close(session);
    this.sessions.delete(id);
  }

  #settle(id: string): void {
    const index = RecordIndex.of(this.records.store.view());
    const record = index.get(`endpoint/${id}`)?.record;
    const members = [...index.nodes.values()].filter(
      ({ id: nodeId, status }) => status.state !== "down" && this.#mustKnow(index, nodeId, record),
    );
    const { discovery } = this.records;
    discovery.settled(id as TaskId, discovery.revision, this.#waits.signal).then(
      () => {
        for (const { id: nodeId } of members) this.#check(nodeId, record);
      },
      () => {},
    );
  }

  #mustKnow(index: RecordIndex, nodeId: string, record: NetworkRecord | undefined): boolean {
    return (
      record !== undefined && index.fullSet(nodeId as never).some((other) => recordKey(other) === recordKey(record))
    );
  }

  #check(nodeId: string, record: NetworkRecord | undefined): void {
    const now = RecordIndex.of(this.records.store.view());
    const session = this.sessions.get(nodeId);
    if (!session || record?.kind !== "endpoint" || now.nodes.get(session.nodeId)?.status.state === "down") return;
    const key = recordKey(record);
    if (!this.#mustKnow(now, nodeId, record)) return;
    const held = session.held.get(key);
    const knows = held?.kind === "endpoint" && order.indexOf(held.state) >= order.indexOf(record.state);
    if (!knows)
      this.faults.push(`${nodeId} has ${held ? JSON.stringify(held) : "nothing"} of ${record.id} ${record.state}`);
  }
}

test("whatever happens, a node holds in the end what a fresh full set would give it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      await using records = await TestRecords.of((tx) => {
        for (const [i, id] of nodeIds.entries()) tx.put("node", node(id, i + 1));
        for (const id of networkIds) tx.put("network", network(id, { Ingress: id === "ingress" }));
      });
      const run = new Run(records);
      for (const id of nodeIds) run.connect(id);
      for (const step of steps) {
        await run.do(step);
        await settle();
        expect(run.faults).toEqual([]);
      }
      const { discovery } = records;
      const {
        nodes: [...nodes],
      } = discovery.progress();
      for (const { nodeId } of nodes) {
        if (!run.sessions.has(nodeId)) run.connect(nodeId);
        const session = run.sessions.get(nodeId);
        if (!session) continue;
        records.bring(session);
        const fresh = RecordIndex.of(records.store.view()).fullSet(nodeId);
        expect(byKey(session.held.values())).toEqual(byKey(fresh));
        for (const id of networkIds) expect(discovery.acknowledged(nodeId, id as never, discovery.revision)).toBe(true);
      }
      const signal = AbortSignal.timeout(1000);
      for (const id of taskIds) await discovery.settled(id as TaskId, discovery.revision, signal);
      for (const id of networkIds) await discovery.whenAcknowledged(id as never, discovery.revision, signal);
      await run.end();
    }),
    { numRuns: 500 },
  );
});

const byKey = (records: Iterable<NetworkRecord>) =>
  [...records].map((record) => [recordKey(record), record] as const).sort(([a], [b]) => (a < b ? -1 : 1));
