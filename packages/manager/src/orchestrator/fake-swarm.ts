import {
  compareTaskStates,
  isTerminal,
  type Node,
  type NodeId,
  nodeMatches,
  parseConstraints,
  type Service,
  type ServiceSpec,
  silentLogger,
  type Task,
  type TaskStatus,
  timestamp,
} from "@skep/model";
import { MemoryStore, type Reader, type Store } from "@skep/store";
import { FakeClock } from "@skep/testkit";
import { Orchestrator } from "./orchestrator.ts";
import { isLive } from "./slot.ts";
import { node as makeNode, type NodeOptions } from "./test-data.ts";

const tickMs = 50;

/**
 * A swarm on fake time, for tests: the orchestrator as it is, and the simplest scheduler and agents that will do. What
 * a container does is the name of its image: `ok`, `missing`, `exits-1-after-2000`, and `-stubborn` for one that takes
 * ten seconds to stop.
 */
export class FakeSwarm {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore({ clock: this.clock });
  private mortal = new MortalStore(this.store);
  private stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private readonly watchers: (() => void)[] = [];
  private readonly checks: (() => void)[] = [];

  static async create(nodes: readonly string[] = ["n1", "n2", "n3"]): Promise<FakeSwarm> {
    const swarm = new FakeSwarm();
    for (const id of nodes) await swarm.setNode(id, {});
    swarm.startOrchestrator();
    return swarm;
  }

  startOrchestrator(): void {
    this.stopping = new AbortController();
    this.mortal = new MortalStore(this.store);
    const orchestrator = new Orchestrator({ store: this.mortal, clock: this.clock, logger: silentLogger });
    this.running = orchestrator.run(this.stopping.signal);
  }

  /** Ends the orchestrator wherever it is: nothing it still wants to write is written. */
  async killOrchestrator(): Promise<void> {
    this.mortal.die();
    this.stopping.abort();
    await this.running;
  }

  /** Is called after each tick. */
  onTick(watcher: () => void): void {
    this.watchers.push(watcher);
  }

  /** Is called before each tick of the agents, when the orchestrator has had its time. */
  beforeTick(check: () => void): void {
    this.checks.push(check);
  }

  async run(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= tickMs) {
      await this.clock.advanceAsync(Math.min(tickMs, left));
      for (const check of this.checks) check();
      await this.store.update((tx) => {
        for (const task of this.tasks()) {
          const next = this.next(task, tx);
          if (next !== task) tx.put("task", next);
        }
      });
      for (const watcher of this.watchers) watcher();
    }
    await this.clock.advanceAsync(0);
  }

  /** Runs until `condition` holds; throws when it does not within `withinMs`. Resolves with the time it took. */
  async runUntil(condition: () => boolean, withinMs = 120_000): Promise<number> {
    const startedAt = this.clock.now();
    while (!condition()) {
      if (this.clock.now() - startedAt > withinMs)
        throw new Error(`not so within ${withinMs} ms:\n${this.ps().join("\n")}`);
      await this.run(tickMs);
    }
    return this.clock.now() - startedAt;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  async setNode(id: string, options: NodeOptions): Promise<void> {
    await this.store.update((tx) => {
      const { version = 0 } = tx.get("node", id) ?? {};
      const since = timestamp(this.clock.now());
      const fresh = makeNode(id, options);
      tx.put("node", { ...fresh, version, status: { ...fresh.status, since } });
    });
  }

  async removeNode(id: string): Promise<void> {
    await this.store.update((tx) => tx.delete("node", id));
  }

  async create(service: Service): Promise<void> {
    await this.store.update((tx) => tx.put("service", { ...service, version: 0 }));
  }

  /** As the control API does it: the spec before is remembered, and the status of the update before is gone. */
  async update(change: (spec: ServiceSpec) => ServiceSpec): Promise<void> {
    await this.store.update((tx) => {
      for (const service of tx.all("service")) {
        const { updateStatus: _, ...kept } = service;
        const specVersion = service.specVersion + 1;
        tx.put("service", { ...kept, spec: change(service.spec), previousSpec: service.spec, specVersion });
      }
    });
  }

  async removeService(): Promise<void> {
    await this.store.update((tx) => {
      for (const { id } of tx.all("service")) tx.delete("service", id);
    });
  }

  get service(): Service | undefined {
    return [...this.store.view().all("service")][0];
  }

  tasks(): Task[] {
    return [...this.store.view().all("task")];
  }

  /** Tasks whose container runs, on whatever node. */
  get runningCount(): number {
    return this.tasks().filter(({ status }) => status.state === "running").length;
  }

  /** As `docker service ps`, without ids and times: newest first in each slot. */
  ps(): string[] {
    const bySlot = Map.groupBy(this.tasks(), ({ slot, nodeId }) => (slot ? `web.${slot}` : `web.${nodeId}`));
    return [...bySlot].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, tasks]) => listing(name, tasks));
  }

  private next(task: Task, reader: Reader): Task {
    if (task.status.state === "pending") return this.schedule(task, reader);
    const node = task.nodeId && reader.get("node", task.nodeId);
    if (!node || node.status.state === "down") return task;
    const change = nextStatus(task, this.clock.now());
    return change ? { ...task, status: { ...task.status, timestamp: timestamp(this.clock.now()), ...change } } : task;
  }

  private schedule(task: Task, reader: Reader): Task {
    const constraints = parseConstraints(task.spec.Placement?.Constraints ?? []);
    const suits = (node: Node) =>
      node.status.state === "ready" && node.spec.Availability === "active" && nodeMatches(constraints, node);
    const nodes = [...reader.all("node")].filter(suits).map(({ id }) => id);
    const count = (id: NodeId) => reader.find("task", "node", id).filter(isLive).length;
    const [least] = task.nodeId ? nodes.filter((id) => id === task.nodeId) : nodes.sort((a, b) => count(a) - count(b));
    if (!least || !isLive(task)) return task;
    const message = "scheduler assigned task to node";
    return { ...task, nodeId: least, status: { state: "assigned", timestamp: timestamp(this.clock.now()), message } };
  }
}

/** What a node makes of a task in the time since its last change. */
function nextStatus(task: Task, now: number): Partial<TaskStatus> | undefined {
  const { state } = task.status;
  if (isTerminal(state)) return undefined;
  const image = task.spec.ContainerSpec?.Image ?? "";
  const inStateMs = now - Date.parse(task.status.timestamp);
  if (!isLive(task)) return hasStopped(task, image, now) ? { state: "shutdown", message: "shutdown" } : undefined;
  switch (state) {
    case "assigned":
      return { state: "preparing", message: "preparing" };
    case "preparing":
      if (inStateMs < 100) return undefined;
      return image === "missing"
        ? { state: "rejected", err: "No such image" }
        : { state: "ready", message: "prepared" };
    case "ready":
      return task.desiredState === "running" ? { state: "starting", message: "starting" } : undefined;
    case "starting":
      if (inStateMs < 200) return undefined;
      return image === "never-starts"
        ? { state: "failed", err: "starting container failed" }
        : { state: "running", message: "started", runningAt: timestamp(now) };
    default: {
      const [, code, ms] = /^exits-(\d)-after-(\d+)/.exec(image) ?? [];
      if (!ms || inStateMs < Number(ms)) return undefined;
      return code === "0"
        ? { state: "complete", message: "finished" }
        : { state: "failed", err: "task: non-zero exit (1)" };
    }
  }
}

function hasStopped(task: Task, image: string, now: number): boolean {
  if (compareTaskStates(task.status.state, "starting") < 0) return true;
  return now - Date.parse(task.updatedAt) >= (image.endsWith("-stubborn") ? 10_000 : 300);
}

function listing(name: string, tasks: readonly Task[]): string[] {
  const newestFirst = tasks.toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  return newestFirst.map((task, i) => {
    const { status, desiredState, nodeId = "-", spec } = task;
    return `${i === 0 ? "" : "\\_ "}${name} ${spec.ContainerSpec?.Image} ${nodeId} ${desiredState}/${status.state}`;
  });
}

/** Passes everything on until it dies. */
class MortalStore implements Store {
  private readonly store: Store;
  private dead = false;

  constructor(store: Store) {
    this.store = store;
  }

  die(): void {
    this.dead = true;
  }

  view: Store["view"] = () => this.store.view();
  watch: Store["watch"] = (revision, signal) => this.store.watch(revision, signal);
  changed: Store["changed"] = (revision, signal) => this.store.changed(revision, signal);
  lead: Store["lead"] = (signal) => this.store.lead(signal);
  close: Store["close"] = () => this.store.close();
  update: Store["update"] = (change) =>
    this.dead ? Promise.reject(new Error("the manager is dead")) : this.store.update(change);
}
