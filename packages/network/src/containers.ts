import { type Clock, DomainError, Limiter, type Logger, Queues } from "@skep/model";
import type { Applied } from "./apply.ts";
import { containerPlace, type Place } from "./aspect.ts";
import { Attacher, type Found } from "./attacher.ts";
import type { Attachment } from "./attachment.ts";
import type { DnsServer } from "./dns/dns-server.ts";
import type { Kernel } from "./host/kernel.ts";
import type { KernelKeeper } from "./kernel-keeper.ts";
import { type NetworkState, portKey } from "./network-state.ts";
import type { Attached } from "./node-network.ts";
import type { PortHolds } from "./port-holds.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SavedFiles } from "./saved-files.ts";
import { putAttachment, removeAttachment, type Touched } from "./touched.ts";
import type { TurnQueue } from "./turn-queue.ts";

export interface ContainersOptions {
  readonly kernel: Kernel;
  readonly dns: DnsServer;
  readonly state: NetworkState;
  readonly files: SavedFiles;
  readonly keeper: KernelKeeper;
  readonly queue: TurnQueue<Applied>;
  readonly holds: PortHolds;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly change: (mutate: (touched: Touched) => void) => Promise<Applied>;
}

/** More would let each of many wait for all others. */
const attachesAtOnce = 6;
/** A container may be started before this node has heard of its network. */
const networkWaitMs = 10_000;

/** The containers of this node: each attached and detached in the order of the calls, many of them at a time. */
export class Containers {
  readonly #options: ContainersOptions;
  readonly #state: NetworkState;
  readonly #attacher: Attacher;
  /** By container. */
  readonly #calls = new Queues();
  readonly #attaching = new Limiter(attachesAtOnce);
  /** Milliseconds, by container; of an earlier process's attachments nobody knows. */
  readonly #took = new Map<string, number>();
  /** Containers that wait for a network. */
  readonly #waiting = new Set<() => void>();

  constructor(options: ContainersOptions) {
    const { kernel, state, dns, holds } = options;
    this.#options = options;
    this.#state = state;
    this.#attacher = new Attacher(kernel, state, dns, holds);
  }

  attach(sandbox: Sandbox): Promise<Attached> {
    const startedAt = performance.now();
    return this.#calls.run(sandbox.containerId, async () => {
      await this.#knowsNetworks(sandbox);
      return this.#attaching.run(() => this.#attach(sandbox, startedAt));
    });
  }

  detach(containerId: string): Promise<void> {
    return this.#calls.run(containerId, () => this.#detach(containerId));
  }

  attached(containerId: string): Attached | undefined {
    const attachment = this.#state.attachments.get(containerId);
    return attachment && this.#resultOf(attachment);
  }

  /** Opens again what an earlier process attached; false when the container is gone. */
  async takeUp(attachment: Attachment): Promise<boolean> {
    const { sandbox, inode } = attachment;
    try {
      const found = await this.#attacher.find(sandbox);
      if (found.inode !== inode) return false;
      this.#state.putAttachment(attachment);
      const again = await this.#attacher.prepare(sandbox, found);
      this.#attacher.settled(sandbox.containerId);
      this.#state.putAttachment({ ...attachment, dns: again.dns });
      return true;
    } catch (error) {
      this.#options.logger.info({ container: sandbox.containerId, err: error }, "container is gone");
      this.#state.removeAttachment(sandbox.containerId);
      return false;
    }
  }

  /** Networks may have become known: containers that waited for one go on. */
  networksChanged(): void {
    for (const wake of this.#waiting) wake();
  }

  async #attach(sandbox: Sandbox, startedAt: number): Promise<Attached> {
    const found = await this.#attacher.find(sandbox);
    const { containerId } = sandbox;
    const before = this.#state.attachments.get(containerId);
    if (before && before.inode !== found.inode) await this.#detach(containerId); // it was started again
    const attachment = await this.#attacher.prepare(sandbox, found);
    try {
      const applied = await this.#options.change((touched) => putAttachment(this.#state, attachment, touched));
      await this.#mustHold(attachment, applied);
    } catch (error) {
      if (before?.inode === found.inode) await this.#restore(before, found);
      else await this.#detach(containerId);
      throw error;
    } finally {
      this.#attacher.settled(containerId);
    }
    this.#options.files.saveAttachment(attachment);
    this.#took.set(containerId, performance.now() - startedAt);
    return this.#resultOf(attachment);
  }

  #resultOf({ sandbox, interfaces, hostPorts }: Attachment): Attached {
    return { interfaces, hostPorts, tookMs: this.#took.get(sandbox.containerId) ?? 0 };
  }

  /** A running container that could not be given more keeps what it had. */
  async #restore(before: Attachment, found: Found): Promise<void> {
    const again = await this.#attacher.prepare(before.sandbox, found);
    await this.#options.change((touched) => putAttachment(this.#state, { ...before, dns: again.dns }, touched));
  }

  /** Something else may have failed in a router at the same time; what counts is whether this container has all of its own. */
  async #mustHold({ sandbox: { containerId } }: Attachment, { failures }: Applied): Promise<void> {
    if (failures.size === 0) return;
    const own = failures.get(containerPlace(containerId));
    const refusal = (cause: Error) =>
      new DomainError("internal", `attaching container ${containerId.slice(0, 12)}: ${cause.message}`, { cause });
    if (own) throw refusal(own);
    await this.#options.queue.alone(async () => {
      for (const [place, error] of failures)
        if (!(await this.#options.keeper.holds(place as Place, `container/${containerId}`))) throw refusal(error);
    });
  }

  async #detach(containerId: string): Promise<void> {
    const attachment = this.#state.attachments.get(containerId);
    await this.#options.dns.close(containerId);
    await this.#options.change((touched) => removeAttachment(this.#state, containerId, touched));
    if (attachment) await this.#attacher.leave(attachment);
    this.#options.holds.release(attachment?.hostPorts.map(portKey) ?? []);
    this.#took.delete(containerId);
    await this.#options.files.removeAttachment(containerId);
  }

  async #knowsNetworks({ interfaces }: Sandbox): Promise<void> {
    const missing = () => interfaces.find(({ networkId }) => !this.#state.networks.has(networkId));
    const until = this.#options.clock.now() + networkWaitMs;
    while (missing() && this.#options.clock.now() < until) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          cancel();
          this.#waiting.delete(wake);
          resolve();
        };
        const cancel = this.#options.clock.after(until - this.#options.clock.now(), wake);
        this.#waiting.add(wake);
      });
    }
    const unknown = missing();
    if (unknown) throw new DomainError("not-found", `network ${unknown.networkId} not found`);
  }
}
