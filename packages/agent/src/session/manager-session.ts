import {
  type AttachRequest,
  type Clock,
  DomainError,
  type Logger,
  type ManagerMessage,
  type NetworkProblem,
  type NodeDescription,
  pause,
  type Task,
  type TaskId,
} from "@skep/model";
import type { SwarmCalls } from "../network/swarm-calls.ts";
import { backOffMs } from "./back-off.ts";
import type { Identity } from "./identity.ts";
import { uploadLog } from "./log-upload.ts";
import { RecordReceiver } from "./record-receiver.ts";
import { SessionCalls } from "./session-calls.ts";
import type { SessionHandlers } from "./session-handlers.ts";
import { isRejection, SessionStream } from "./session-stream.ts";
import { StatusOutbox, type StatusUpdate } from "./status-outbox.ts";

/** Status updates one line carries at most. */
const maxUpdates = 1000;

export type SessionState =
  | { readonly state: "connected"; readonly manager: string }
  /** It is trying to come back. */
  | { readonly state: "disconnected"; readonly reason: string }
  /** The manager does not accept this node any more, above all because it was removed. It is still being asked. */
  | { readonly state: "rejected"; readonly reason: string };

export interface ManagerSessionOptions {
  /** `host:port` of managers, best first; those the swarm names later are tried too. */
  readonly managers: readonly string[];
  /** Read at every connection, so a renewed certificate is used from the next one on. */
  readonly identity: () => Identity;
  readonly describe: () => Promise<NodeDescription>;
  readonly handlers: SessionHandlers;
  /** Called at every change. */
  readonly onState: (state: SessionState) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In 0…1. */
  readonly random?: () => number;
}

/** This node's side of its session with the managers: comes back by itself, loses no status, keeps one order. */
export class ManagerSession implements SwarmCalls {
  readonly #options: ManagerSessionOptions;
  readonly #random: () => number;
  readonly #outbox = new StatusOutbox();
  readonly #logs = new Map<string, AbortController>();
  readonly #records: RecordReceiver;
  readonly #calls: SessionCalls;
  #managers: readonly string[];
  #stream: SessionStream | undefined;
  #state: SessionState | undefined;
  #appliedRevision = 0;
  /** Assignments are carried out one after the other, also across sessions. */
  #applying: Promise<void> = Promise.resolve();
  #flushing = false;

  constructor(options: ManagerSessionOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#managers = options.managers;
    const { clock, logger } = options;
    const random = this.#random;
    this.#calls = new SessionCalls({ connection: () => this.#acceptedStream()?.connection, clock, random });
    this.#records = new RecordReceiver({
      nodeId: () => options.identity().nodeId,
      takeOver: (message) => options.handlers.network(message),
      applied: (revision, problems) => this.#stream?.send({ type: "network-applied", revision, problems }),
      startOver: (reason) => this.#stream?.end(reason),
      clock,
      logger,
    });
  }

  /** Keeps a session open until `signal` aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0, next = 0; !signal.aborted; ) {
      const addr = this.#managers[next % this.#managers.length] ?? "";
      const wasConnected = await this.#runOnce(addr, signal);
      if (wasConnected) {
        failures = 0;
        next = 0;
      } else next++;
      await pause(this.#options.clock, backOffMs(failures++, this.#random()), signal);
    }
    this.#records.close();
    await this.#applying;
  }

  /** Tells the manager, now or when there is one again; of several statuses of one task only the last. */
  reportStatus(updates: readonly StatusUpdate[]): void {
    this.#outbox.report(updates);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** What the data plane cannot carry out has changed without new records. */
  reportProblems(problems: readonly NetworkProblem[]): void {
    this.#records.problemsChanged(problems);
  }

  /** The node has changed; a new session tells of it anyway. */
  updateDescription(description: NodeDescription): void {
    this.#stream?.send({ type: "description", description });
  }

  /** As `SwarmCalls` has it. */
  async settle(taskId: TaskId, { withdraw }: { readonly withdraw: boolean }, signal: AbortSignal): Promise<void> {
    await this.#calls.insist({ method: "POST", path: "/settle", body: { taskId, withdraw } }, signal);
  }

  /** As `SwarmCalls` has it. */
  attach(request: AttachRequest, signal: AbortSignal): Promise<Task> {
    return this.#calls.call<Task>({ method: "POST", path: "/attach", body: request }, signal);
  }

  /** As `SwarmCalls` has it. */
  async detach(taskId: TaskId, signal: AbortSignal): Promise<void> {
    await this.#calls.insist({ method: "POST", path: "/detach", body: { taskId } }, signal);
  }

  /** True when the manager accepted a session. */
  async #runOnce(addr: string, signal: AbortSignal): Promise<boolean> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    try {
      const stream = await this.#open(addr, either);
      this.#stream = stream;
      const description = await this.#options.describe();
      stream.send({ type: "hello", description, appliedRevision: this.#appliedRevision });
      const reason = await stream.closed;
      const wasConnected = this.#state?.state === "connected";
      if (!signal.aborted) this.#changeState({ state: "disconnected", reason });
      return wasConnected;
    } catch (error) {
      if (!signal.aborted) this.#failed(addr, error);
      return false;
    } finally {
      ending.abort();
      this.#stream = undefined;
      for (const controller of this.#logs.values()) controller.abort();
      this.#logs.clear();
    }
  }

  #open(addr: string, signal: AbortSignal): Promise<SessionStream> {
    return SessionStream.open({
      addr,
      identity: this.#options.identity(),
      clock: this.#options.clock,
      random: this.#random,
      onMessage: (message) => this.#receive(addr, message),
      onDrain: () => this.#flush(),
      signal,
    });
  }

  #failed(addr: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const rejected = error instanceof DomainError && isRejection(error);
    if (!(error instanceof DomainError)) this.#options.logger.error({ err: error, manager: addr }, "session failed");
    this.#changeState({ state: rejected ? "rejected" : "disconnected", reason });
  }

  #changeState(state: SessionState): void {
    const { logger, onState } = this.#options;
    const before = this.#state;
    this.#state = state;
    if (state.state === "connected") logger.info({ manager: state.manager }, "session with a manager opened");
    else if (before?.state !== state.state || before.reason !== state.reason)
      logger.warn({ reason: state.reason }, state.state === "rejected" ? "a manager rejects this node" : "no manager");
    else return;
    onState(state);
  }

  #receive(addr: string, message: ManagerMessage): void {
    switch (message.type) {
      case "session":
        this.#introduced(addr, message);
        return;
      case "assignments":
        this.#outbox.compare(message.assignments);
        this.#flush();
        this.#apply(message.revision, () => this.#options.handlers.assignments(message.assignments, message.revision));
        return;
      case "changes":
        for (const taskId of message.remove) this.#outbox.forget(taskId);
        this.#apply(message.revision, () =>
          this.#options.handlers.changes(message.put, message.remove, message.revision),
        );
        return;
      case "network":
        this.#records.receive(message);
        return;
      case "probe-ports":
        this.#probePorts(message);
        return;
      case "logs":
        this.#sendLog(message);
        return;
      case "cancel-logs":
        this.#logs.get(message.id)?.abort();
        return;
      case "renew":
        this.#options.handlers.renew();
    }
  }

  #introduced(addr: string, message: Extract<ManagerMessage, { type: "session" }>): void {
    const named = message.managers.map((manager) => manager.addr);
    // The one that answers first: it is where the next attempt begins.
    this.#managers = [...new Set([addr, ...named, ...this.#options.managers])];
    this.#stream?.setPeriod(message.heartbeatPeriodMs);
    if (this.#state?.state !== "connected" || this.#state.manager !== addr)
      this.#changeState({ state: "connected", manager: addr });
    this.#calls.connected();
    this.#options.handlers.session(message);
  }

  #acceptedStream(): SessionStream | undefined {
    return this.#state?.state === "connected" ? this.#stream : undefined;
  }

  #apply(revision: number, carryOut: () => Promise<void>): void {
    this.#applying = this.#applying.then(carryOut).then(
      () => {
        this.#appliedRevision = revision;
        this.#stream?.send({ type: "applied", revision });
      },
      (err) => this.#options.logger.error({ err, revision }, "assignments could not be taken over"),
    );
  }

  #probePorts({ id, ports }: Extract<ManagerMessage, { type: "probe-ports" }>): void {
    const stream = this.#stream;
    this.#options.handlers.probePorts(ports).then(
      (taken) => stream?.send({ type: "ports", id, taken }),
      (err) => this.#options.logger.error({ err }, "ports of this node could not be looked at"),
    );
  }

  #sendLog({ id, taskId, options }: Extract<ManagerMessage, { type: "logs" }>): void {
    const connection = this.#stream?.connection;
    if (!connection) return;
    const controller = new AbortController();
    this.#logs.set(id, controller);
    const { signal } = controller;
    uploadLog(connection, id, () => this.#options.handlers.logs(taskId, options, signal), signal)
      .catch((err) => this.#options.logger.error({ err, task: taskId }, "log could not be sent"))
      .finally(() => {
        controller.abort();
        this.#logs.delete(id);
      });
  }

  #flush(): void {
    const stream = this.#acceptedStream();
    if (!stream) return;
    while (!stream.blocked) {
      const updates = this.#outbox.take(maxUpdates);
      if (updates.length === 0) return;
      stream.send({ type: "status", updates });
    }
  }
}
