import { type Clock, DomainError, type Logger, type PublishedPort, type Task, type TaskId } from "@skep/model";
import type { ContainerRecord, RecordedInterface, WantedAttachment } from "./container-record.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { SwarmCalls } from "./swarm-calls.ts";

export interface HandAttachmentsOptions {
  readonly records: ContainerRecords;
  readonly calls: Pick<SwarmCalls, "attach" | "detach">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whoever starts a container waits for this. */
const attachMs = 5_000;
/** A container that is restarted waits for this; it is tried again later. */
const detachMs = 3_000;

/** Addresses on networks joined by hand: a manager allocates them at each start and is told of each end. */
export class HandAttachments {
  readonly #options: HandAttachmentsOptions;

  constructor(options: HandAttachmentsOptions) {
    this.#options = options;
  }

  /**
   * The record with an interface on each network it wants, in the order asked for. Asking for one that there is already
   * changes nothing; without a manager it stays as it was.
   */
  async allocate(record: ContainerRecord, signal: AbortSignal): Promise<ContainerRecord> {
    let current = record;
    for (const [index, wanted] of (record.byHand ?? []).entries()) {
      const known = handMade(current).find(({ networkId }) => networkId === wanted.networkId);
      const given = await this.#attach(record, wanted, index === 0 ? record.hostPorts : [], signal).catch((error) => {
        if (known && error instanceof NoManager) return known;
        throw error;
      });
      current = { ...current, interfaces: placed(current, given, index) };
      this.#options.records.put(current);
    }
    return current;
  }

  /** The record without these attachments. Those that no manager takes back now are kept in mind. */
  async release(record: ContainerRecord, taskIds: readonly TaskId[]): Promise<ContainerRecord> {
    const { records, log } = this.#options;
    const interfaces = record.interfaces.filter(({ taskId }) => !taskIds.includes(taskId));
    let current = withUnreleased({ ...record, interfaces }, [...(record.unreleased ?? []), ...taskIds]);
    if (current.unreleased === undefined && interfaces.length === record.interfaces.length) return record;
    records.put(current);
    for (const taskId of current.unreleased ?? []) {
      try {
        await this.#within(detachMs, (limit) => this.#options.calls.detach(taskId, limit));
        const rest = current.unreleased?.filter((id) => id !== taskId) ?? [];
        current = withUnreleased(current, rest);
        records.put(current);
      } catch (err) {
        log.warn({ container: record.name, task: taskId, err }, "no manager took an address back; it is tried again");
        break;
      }
    }
    return current;
  }

  async #attach(
    { containerId, name }: ContainerRecord,
    { networkId, aliases, address }: WantedAttachment,
    hostPorts: readonly PublishedPort[],
    signal: AbortSignal,
  ): Promise<RecordedInterface> {
    const request = { network: networkId, containerId, containerName: name, aliases, hostPorts };
    const task = await this.#within(
      attachMs,
      (limit) => this.#options.calls.attach({ ...request, ...(address !== undefined && { address }) }, limit),
      signal,
    );
    return interfaceOf(task, networkId, name);
  }

  async #within<T>(limitMs: number, call: (limit: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const limit = new AbortController();
    const cancel = this.#options.clock.after(limitMs, () => limit.abort(new NoManager()));
    try {
      return await call(signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
    } catch (error) {
      throw limit.signal.aborted && !signal?.aborted ? limit.signal.reason : error;
    } finally {
      cancel();
    }
  }
}

/** Those that are not its task's. */
export const handMade = ({ interfaces, taskId }: ContainerRecord): readonly RecordedInterface[] =>
  interfaces.filter((one) => one.taskId !== taskId);

function placed(record: ContainerRecord, given: RecordedInterface, index: number): readonly RecordedInterface[] {
  const own = record.interfaces.filter(({ taskId }) => taskId === record.taskId);
  const others = handMade(record).filter(({ networkId }) => networkId !== given.networkId);
  return [...own, ...others.toSpliced(index, 0, given)];
}

function withUnreleased({ unreleased: _, ...record }: ContainerRecord, taskIds: readonly TaskId[]): ContainerRecord {
  return taskIds.length === 0 ? record : { ...record, unreleased: taskIds };
}

function interfaceOf(task: Task, networkId: RecordedInterface["networkId"], name: string): RecordedInterface {
  const address = task.networks?.find((one) => one.networkId === networkId)?.address;
  if (address === undefined) throw new DomainError("internal", `no address on network ${networkId} for ${name}`);
  return { taskId: task.id, networkId, address };
}

class NoManager extends DomainError {
  constructor() {
    super("unavailable", "no manager of the swarm answers, and only a manager gives out addresses: try again later");
  }
}
