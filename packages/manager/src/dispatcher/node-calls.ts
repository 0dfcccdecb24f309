import { type Clock, DomainError, isTerminal, type NodeId, type Task, type TaskId } from "@skep/model";
import type { Reader, Store } from "@skep/store";
import { Ipam } from "../allocator/index.ts";
import { attachContainer, detachContainer } from "../control/attachments.ts";
import type { Discovery } from "../discovery/index.ts";
import type { Fields } from "./fields.ts";
import { attachRequest, detachRequest, settleRequest } from "./parse-calls.ts";

/** What nodes ask about networks, each for its own tasks only. What a call resolves with is its answer. */
export class NodeCalls {
  readonly #store: Store;
  readonly #discovery: Discovery;
  readonly #means: { readonly ipam: Ipam; readonly clock: Clock };

  constructor(options: {
    readonly store: Store;
    readonly clock: Clock;
    readonly discovery: Discovery;
    readonly ipam?: Ipam;
  }) {
    this.#store = options.store;
    this.#discovery = options.discovery;
    this.#means = { clock: options.clock, ipam: options.ipam ?? new Ipam() };
  }

  /** Of a task that is gone nobody knows anything any more. */
  async settle(nodeId: NodeId, body: Fields, signal: AbortSignal): Promise<object> {
    const { taskId, withdraw } = settleRequest(body);
    const task = ownTask(this.#store.view(), nodeId, taskId);
    if (task && withdraw) await this.#withdraw(nodeId, taskId);
    if (task) await this.#discovery.settled(taskId, this.#store.view().revision, signal);
    return {};
  }

  attach(nodeId: NodeId, body: Fields): Promise<Task> {
    return attachContainer(this.#store, nodeId, attachRequest(body), this.#means);
  }

  async detach(nodeId: NodeId, body: Fields): Promise<object> {
    const { taskId } = detachRequest(body);
    if (ownTask(this.#store.view(), nodeId, taskId)) await detachContainer(this.#store, nodeId, taskId);
    return {};
  }

  async #withdraw(nodeId: NodeId, taskId: TaskId): Promise<void> {
    await this.#store.update((tx) => {
      const task = ownTask(tx, nodeId, taskId);
      if (task && !task.withdrawn && !isTerminal(task.status.state)) tx.put("task", { ...task, withdrawn: true });
    });
  }
}

function ownTask(reader: Reader, nodeId: NodeId, taskId: TaskId): Task | undefined {
  const task = reader.get("task", taskId);
  if (task && task.nodeId !== nodeId) throw new DomainError("forbidden", `task ${taskId} is not one of node ${nodeId}`);
  return task;
}
