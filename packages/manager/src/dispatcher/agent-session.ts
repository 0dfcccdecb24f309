import type { ServerHttp2Stream } from "node:http2";
import { type Assignment, jsonLine, type ManagerMessage, type NodeId, type NodeRole, type TaskId } from "@skep/model";

/** Changes one message carries at most; a full set is never cut. */
const maxChanges = 100;
const endTimeoutMs = 5000;

/**
 * The manager's end of one node's stream. Changes of assignments are collected by task, so however slow the node
 * reads, what waits for it is at most one change per task.
 */
export class AgentSession {
  readonly nodeId: NodeId;
  /** What the node's certificate says; its spec may want another one by now. */
  readonly certifiedRole: NodeRole;
  readonly #stream: ServerHttp2Stream;
  readonly #pending = new Map<TaskId, Assignment | undefined>();
  #pendingRevision = 0;
  #blocked = false;
  #sentRevision = 0;
  #appliedRevision = 0;

  constructor(nodeId: NodeId, certifiedRole: NodeRole, stream: ServerHttp2Stream) {
    this.nodeId = nodeId;
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
    while (this.#pending.size > 0 && !this.#blocked && this.#stream.writable) {
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
