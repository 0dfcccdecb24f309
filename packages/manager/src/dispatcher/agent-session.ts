import type { ServerHttp2Stream } from "node:http2";
import {
  type Assignment,
  type Clock,
  jsonLine,
  type ManagerMessage,
  type NetworkRecord,
  type NodeId,
  type NodeRole,
  type TaskId,
} from "@skep/model";
import type { RecordSession } from "../discovery/node-link.ts";
import { RecordQueue } from "../discovery/record-queue.ts";

/** Changes one message carries at most; a full set is never cut. */
const maxChanges = 100;
const endTimeoutMs = 5000;

/**
 * The manager's end of one node's stream. Changes of assignments are collected by task, so however slow the node
 * reads, what waits for it is at most one change per task. Records of networks wait in a queue of their own, and go
 * first: a node never gets a task whose networks it does not know.
 */
export class AgentSession implements RecordSession {
  readonly nodeId: NodeId;
  /** What the node's certificate says; its spec may want another one by now. */
  readonly certifiedRole: NodeRole;
  readonly records: RecordQueue;
  readonly #stream: ServerHttp2Stream;
  readonly #pending = new Map<TaskId, Assignment | undefined>();
  #pendingRevision = 0;
  #blocked = false;
  #sentRevision = 0;
  #appliedRevision = 0;

  constructor(nodeId: NodeId, certifiedRole: NodeRole, stream: ServerHttp2Stream, clock: Pick<Clock, "now">) {
    this.nodeId = nodeId;
    this.records = new RecordQueue(nodeId, clock);
    this.certifiedRole = certifiedRole;
    this.#stream = stream;
    stream.on("drain", () => {
      this.#blocked = false;
      this.flush();
    });
  }

  /** The newest revision the node was told of; 0 until it has its full set. */
  get sentRevision(): number {
    return this.#sentRevision;
  }

  /** The newest revision the node says it has taken over. */
  get appliedRevision(): number {
    return this.#appliedRevision;
  }

  acknowledge(revision: number): void {
    this.#appliedRevision = Math.max(this.#appliedRevision, Math.min(revision, this.#sentRevision));
  }

  send(message: ManagerMessage): void {
    if (this.#stream.writable && !this.#stream.write(jsonLine(message))) this.#blocked = true;
  }

  sendAllRecords(revision: number, records: readonly NetworkRecord[]): void {
    this.send(this.records.replaceAll(revision, records));
  }

  /** Everything the node should have, in place of whatever it was sent before. */
  sendAll(revision: number, assignments: readonly Assignment[]): void {
    this.#pending.clear();
    this.#sentRevision = revision;
    this.send({ type: "assignments", revision, assignments });
  }

  /** One change, to be sent with the next `flush`; undefined: the node may forget the task. */
  add(revision: number, taskId: TaskId, assignment: Assignment | undefined): void {
    this.#pending.set(taskId, assignment);
    this.#pendingRevision = revision;
  }

  /** Sends what was added, unless the node is still busy with what it got; then when it has read that. */
  flush(): void {
    while (this.records.size > 0 && this.#isReading) {
      const message = this.records.take();
      if (message) this.send(message);
    }
    while (this.#pending.size > 0 && this.records.size === 0 && this.#isReading) {
      const part = [...this.#pending.entries().take(maxChanges)];
      for (const [taskId] of part) this.#pending.delete(taskId);
      // A revision is reached with the last of its changes only.
      if (this.#pending.size === 0) this.#sentRevision = this.#pendingRevision;
      this.send({
        type: "changes",
        revision: this.#sentRevision,
        put: part.flatMap(([, assignment]) => (assignment ? [assignment] : [])),
        remove: part.flatMap(([taskId, assignment]) => (assignment ? [] : [taskId])),
      });
    }
  }

  get #isReading(): boolean {
    return !this.#blocked && this.#stream.writable;
  }

  /** Tells the node why and ends its stream; the whole connection when the node does not take it. */
  end(reason: string): void {
    if (!this.#stream.writable) return;
    this.send({ type: "end", reason });
    this.#stream.removeAllListeners("data");
    this.#stream.pause();
    this.#stream.end(() => this.#stream.close());
    this.#stream.setTimeout(endTimeoutMs, () => this.#stream.session?.destroy());
  }
}
