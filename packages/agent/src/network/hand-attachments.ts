import {
  type Clock,
  DomainError,
  type Logger,
  type NetworkId,
  type PublishedPort,
  type Task,
  type TaskId,
} from "@skep/model";
import type { ContainerRecord, RecordedInterface, WantedAttachment } from "./container-record.ts";
import type { ContainerRecords } from "./container-records.ts";
import type { SwarmCalls } from "./swarm-calls.ts";

export interface HandAttachmentsOptions {
  readonly records: ContainerRecords;
  readonly calls: Pick<SwarmCalls, "attach" | "detach">;
  /** A network's name. */
  readonly nameOf: (networkId: NetworkId) => string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whoever starts a container waits for this. */
const attachMs = 4_000;
/** An address of before is as good; an engine that restarts its containers after a boot answers only when they run. */
const confirmMs = 1_000;
/** A container that is restarted waits for this; it is tried again later. */
const detachMs = 2_000;

/** Addresses on networks joined by hand: a manager allocates them at each start and is told of each end. */
export class HandAttachments {
  readonly #options: HandAttachmentsOptions;

  constructor(options: HandAttachmentsOptions) {
    this.#options = options;
  }

  /**
   * The record with an interface on each network it wants, in the order asked for. Those in use stay; those of an
   * earlier run are confirmed by a manager, or stay without one.
   */
  async allocate(record: ContainerRecord, inUse: ReadonlySet<TaskId>, signal: AbortSignal): Promise<ContainerRecord> {
    let current = record;
    for (const [index, wanted] of (record.byHand ?? []).entries()) {
      const known = handMade(current).find(({ networkId }) => networkId === wanted.networkId);
      if (known && inUse.has(known.taskId)) continue;
      const ports = index === 0 ? record.hostPorts : [];
      const attaching = this.#attach(record, wanted, ports, known ? confirmMs : attachMs, signal);
      const given = await attaching.catch((error) => {
        if (error instanceof NoManager) return known ?? Promise.reject(error);
        throw error instanceof DomainError ? this.#refusal(wanted, error) : error;
      });
      // a manager that was not told of its end gives the attachment there is
      const unreleased = (current.unreleased ?? []).filter((id) => id !== given.taskId);
      current = withUnreleased({ ...current, interfaces: placed(current, given, index) }, unreleased);
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
    limitMs: number,
    signal: AbortSignal,
  ): Promise<RecordedInterface> {
    const request = { network: networkId, containerId, containerName: name, aliases, hostPorts };
    const task = await this.#within(
      limitMs,
      (limit) => this.#options.calls.attach({ ...request, ...(address !== undefined && { address }) }, limit),
      signal,
    );
    return interfaceOf(task, networkId, name);
  }

  /** In Docker's words. */
  #refusal({ networkId }: WantedAttachment, error: DomainError): DomainError {
    const name = this.#options.nameOf(networkId);
    return new DomainError(error.code, `Could not attach to network ${name}: ${error.message}`, { cause: error });
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
