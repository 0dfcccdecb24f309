import type { ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import {
  type AgentMessage,
  type Clock,
  type Cluster,
  JsonLines,
  type Logger,
  type LogOptions,
  type Node,
  type NodeDescription,
  type NodeId,
  type Task,
  type TaskSpec,
} from "@skep/model";
import type { ChangeSet, Reader, Store } from "@skep/store";
import type { NodeIdentity } from "../ca/node-identity.ts";
import type { Discovery } from "../discovery/index.ts";
import { AgentSession } from "./agent-session.ts";
import { type AssignmentChange, assignmentOf, assignmentsOf } from "./assignments.ts";
import { clusterOf } from "./authorize.ts";
import type { FeedListener } from "./change-feed.ts";
import { gracePeriods, Liveness } from "./liveness.ts";
import { LogRequests, nodeUnavailable } from "./log-requests.ts";
import { markDown, markReady, markReadyUnknown, storeDescription } from "./node-records.ts";
import { OrphanTimers } from "./orphan-tasks.ts";
import { parseAgentMessage } from "./parse-agent-message.ts";
import { type PortHolder, PortProbes, type ProbedPort } from "./port-probes.ts";
import { heartbeatPeriodMs, managersOf, sessionMessage } from "./session-message.ts";
import { StatusWriter } from "./status-writer.ts";

/** A status report of thousands of tasks fits; anything longer is no agent's. */
const maxLineBytes = 4 * 1024 * 1024;
const helloTimeoutMs = 10_000;

export interface SessionsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly discovery: Discovery;
}

/** Every node's session, and what follows from a node having one or not. */
export class Sessions implements FeedListener {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #byNode = new Map<NodeId, AgentSession>();
  readonly #changed = new Set<AgentSession>();
  readonly #liveness: Liveness;
  #logDriver: TaskSpec["LogDriver"];
  readonly #orphans: OrphanTimers;
  readonly #statuses: StatusWriter;
  readonly #logs = new LogRequests();
  readonly #discovery: Discovery;
  readonly #probes: PortProbes;

  constructor(options: SessionsOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#discovery = options.discovery;
    this.#probes = new PortProbes(options.clock);
    this.#orphans = new OrphanTimers({ ...options, onGivenUp: (nodeId) => options.discovery.giveUp(nodeId) });
    this.#statuses = new StatusWriter(options);
    this.#liveness = new Liveness({
      clock: options.clock,
      periodMs: heartbeatPeriodMs(clusterOf(options.store.view()).spec),
      onSilent: (nodeId) => this.#silent(nodeId),
      onStall: (stalledMs) => this.#logger.warn({ stalledMs }, "this manager was stalled, nodes get a fresh start"),
    });
  }

  /** To be called before the first session: what the store says of the nodes is from before this manager was away. */
  async start(): Promise<void> {
    await markReadyUnknown(this.#store, this.#clock);
    this.#liveness.start();
    for (const { id, status } of this.#store.view().all("node")) {
      if (status.state === "unknown") this.#liveness.expect(id, gracePeriods);
      if (status.state === "down") this.#orphans.start(id, status.since ? Date.parse(status.since) : undefined);
    }
  }

  get(nodeId: NodeId): AgentSession | undefined {
    return this.#byNode.get(nodeId);
  }

  /** Serves a node's `POST /session` until one side ends it. */
  open(stream: ServerHttp2Stream, { nodeId, role }: NodeIdentity, addr: string): void {
    stream.respond({ ":status": 200, "content-type": "application/x-ndjson" });
    const session = new AgentSession(nodeId, role, stream, this.#clock);
    const lines = new JsonLines(maxLineBytes);
    const cancelTimer = this.#clock.after(helloTimeoutMs, () => {
      if (this.#byNode.get(nodeId) !== session) this.#end(session, "no hello came");
    });
    stream.on("data", (chunk: Buffer) => {
      try {
        for (const value of lines.push(chunk)) this.#receive(session, addr, parseAgentMessage(value));
      } catch (error) {
        this.#logger.warn({ node: nodeId, err: error }, "malformed message from an agent, its session ends");
        this.#end(session, `malformed message: ${(error as Error).message}`);
      }
    });
    stream.on("close", () => {
      cancelTimer();
      this.#closed(session);
    });
  }

  /** The node says good-bye: it is down at once. */
  async leave(nodeId: NodeId): Promise<void> {
    this.#drop(nodeId, "the node has left the swarm");
    this.#discovery.giveUp(nodeId);
    this.#liveness.forget(nodeId);
    this.#orphans.start(nodeId);
    await markDown(this.#store, this.#clock, nodeId);
  }

  /** Rejects with `unavailable` when the task's node has no session. */
  async openLogs(task: Task, options: LogOptions, signal: AbortSignal): Promise<Readable> {
    const session = task.nodeId && this.#byNode.get(task.nodeId);
    if (!session) throw nodeUnavailable(task.nodeId);
    return this.#logs.open(session, task, options, signal);
  }

  answerLogs(nodeId: NodeId, id: string, stream: ServerHttp2Stream, refusal: unknown): void {
    this.#logs.answer(nodeId, id, stream, refusal);
  }

  /** Which of the ports processes of nodes have; nodes without a session, and those that do not answer, are left out. */
  async probePorts(ports: readonly ProbedPort[], signal: AbortSignal): Promise<PortHolder[]> {
    const sessions = [...this.#byNode.values()].filter((session) => session.sentRevision > 0);
    const taken = await this.#probes.ask(sessions, ports, signal);
    const reader = this.#store.view();
    return taken.map((port) => ({ node: reader.get("node", port.nodeId)?.description?.Hostname ?? "", ...port }));
  }

  async close(): Promise<void> {
    this.#liveness.close();
    this.#orphans.close();
    for (const nodeId of [...this.#byNode.keys()]) this.#drop(nodeId, "this manager is stopping");
    await this.#statuses.close();
  }

  started(reader: Reader): void {
    this.#discovery.restart(reader);
  }

  changeSet(changeSet: ChangeSet): boolean {
    return this.#discovery.follow(changeSet);
  }

  assignment({ do: what, nodeId, task }: AssignmentChange, revision: number, reader: Reader): void {
    const session = this.#byNode.get(nodeId);
    // What is not past the full set is part of it.
    if (!session || session.sentRevision === 0 || revision <= session.sentRevision) return;
    session.add(revision, task.id, what === "put" ? assignmentOf(reader, task) : undefined);
    this.#changed.add(session);
  }

  flush(): void {
    this.#discovery.flush();
    for (const session of this.#changed) session.flush();
    this.#changed.clear();
  }

  node(nodeId: NodeId, before: Node | undefined, after: Node | undefined): void {
    if (!after) {
      this.#drop(nodeId, `node ${nodeId} was removed from the swarm`);
      this.#liveness.forget(nodeId);
      this.#orphans.cancel(nodeId);
    } else if (!before && !this.#byNode.has(nodeId)) this.#liveness.expect(nodeId, gracePeriods);
    if (!isDeepStrictEqual(before?.manager?.addr, after?.manager?.addr)) this.#introduceAll();
    else if (after && !isDeepStrictEqual(before?.spec, after.spec)) this.#introduce(this.#byNode.get(nodeId));
  }

  cluster({ spec }: Cluster): void {
    const periodMs = heartbeatPeriodMs(spec);
    const logDriver = spec.TaskDefaults?.LogDriver;
    if (periodMs === this.#liveness.periodMs && isDeepStrictEqual(logDriver, this.#logDriver)) return;
    this.#liveness.setPeriod(periodMs);
    this.#logDriver = logDriver;
    this.#introduceAll();
  }

  missed(): void {
    const reader = this.#store.view();
    this.#changed.clear();
    this.#discovery.restart(reader);
    for (const [nodeId, session] of this.#byNode) {
      if (!reader.get("node", nodeId)) this.node(nodeId, undefined, undefined);
      else if (session.sentRevision > 0) session.sendAll(reader.revision, assignmentsOf(reader, nodeId));
    }
    this.cluster(clusterOf(reader));
    this.#introduceAll();
  }

  #receive(session: AgentSession, addr: string, message: AgentMessage | undefined): void {
    const isCurrent = this.#byNode.get(session.nodeId) === session;
    if (message?.type === "hello" && !isCurrent) {
      this.#admit(session, addr, message.description).catch((err) => {
        this.#logger.error({ node: session.nodeId, err }, "session of a node could not be opened");
        this.#end(session, "this manager could not open the session");
      });
      return;
    }
    if (!isCurrent || message?.type === "hello") throw new Error(`${message?.type ?? "message"} out of turn`);
    this.#liveness.expect(session.nodeId);
    if (message?.type === "status") this.#statuses.report(session.nodeId, message.updates);
    else if (message?.type === "applied") session.acknowledge(message.revision);
    else if (message?.type === "description") this.#describe(session.nodeId, message.description);
    else if (message?.type === "ports") this.#probes.answer(session, message.id, message.taken);
    else if (message?.type === "network-applied")
      this.#discovery.acknowledge(session, message.revision, message.problems);
  }

  async #admit(session: AgentSession, addr: string, description: NodeDescription): Promise<void> {
    const { nodeId } = session;
    this.#drop(nodeId, "this node has opened a newer session");
    this.#byNode.set(nodeId, session);
    this.#liveness.expect(nodeId);
    this.#orphans.cancel(nodeId);
    const node = await markReady(this.#store, this.#clock, { id: nodeId, addr, description });
    // Records and assignments of one revision: no task comes before its networks.
    while (this.#discovery.revision !== this.#store.view().revision) await this.#discovery.moved();
    if (this.#byNode.get(nodeId) !== session) return;
    if (!node) {
      this.#drop(nodeId, `node ${nodeId} was removed from the swarm`);
      return;
    }
    const reader = this.#store.view();
    this.#introduce(session);
    this.#discovery.open(session);
    session.sendAll(reader.revision, assignmentsOf(reader, nodeId));
    this.#logger.debug({ node: nodeId, addr, revision: reader.revision }, "session opened");
  }

  #describe(nodeId: NodeId, description: NodeDescription): void {
    storeDescription(this.#store, nodeId, description).catch((err) =>
      this.#logger.error({ node: nodeId, err }, "description of a node could not be stored"),
    );
  }

  #introduceAll(): void {
    for (const session of this.#byNode.values()) if (session.sentRevision > 0) this.#introduce(session);
  }

  #introduce(session: AgentSession | undefined): void {
    const reader = this.#store.view();
    const node = session && reader.get("node", session.nodeId);
    if (!node) return;
    session.send(sessionMessage(node, clusterOf(reader), managersOf(reader)));
    if (session.certifiedRole !== node.spec.Role) session.send({ type: "renew" });
  }

  #silent(nodeId: NodeId): void {
    this.#logger.warn({ node: nodeId }, "node is down: no heartbeat");
    this.#drop(nodeId, "heartbeat failure");
    this.#orphans.start(nodeId);
    markDown(this.#store, this.#clock, nodeId, "heartbeat failure").catch((err) => {
      this.#logger.error({ node: nodeId, err }, "node could not be marked down, trying again");
      this.#liveness.expect(nodeId);
    });
  }

  #drop(nodeId: NodeId, reason: string): void {
    const session = this.#byNode.get(nodeId);
    if (session) this.#end(session, reason);
  }

  #end(session: AgentSession, reason: string): void {
    this.#closed(session);
    session.end(reason);
  }

  /** The connection is gone, which says nothing about the node yet: it has until its heartbeats are missed. */
  #closed(session: AgentSession): void {
    this.#logs.abandon(session);
    this.#probes.abandon(session);
    this.#discovery.close(session);
    this.#changed.delete(session);
    if (this.#byNode.get(session.nodeId) === session) this.#byNode.delete(session.nodeId);
  }
}
