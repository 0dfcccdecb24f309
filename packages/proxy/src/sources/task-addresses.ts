import { type Clock, formatAddress, type Logger, parseAddress } from "@skep/model";
import { Complaint } from "./complaint.ts";
import type { LookUp } from "./dns-lookup.ts";
import { WatchedName } from "./watched-name.ts";

export interface TaskAddressesOptions {
  readonly lookUp: LookUp;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told the services whose addresses are other ones now. */
  readonly changed: (services: readonly string[]) => void;
  /** Which addresses may be a task's; all when not given. */
  readonly accepts?: (address: string) => boolean;
  /** Of repeated look-ups, for all names together; 50 when not given. */
  readonly perSecond?: number;
  /** Between two look-ups of a name, when the budget allows; 1000 when not given. */
  readonly shortestMs?: number;
}

/** Requests to a service without tasks wait so long for one to come back. */
const idleAfterMs = 5000;
/** Look-ups that wait for the name server at the same time. */
const mostAtOnce = 32;

/**
 * The addresses of the tasks of some services, by their DNS name `tasks.<service>`. A new name is looked up at once, and again
 * each second or, with more names than the budget, each in its turn. A name server in trouble changes nothing.
 */
export class TaskAddresses implements Disposable {
  readonly #options: Required<TaskAddressesOptions>;
  readonly #complaint: Complaint;
  readonly #names = new Map<string, WatchedName>();
  readonly #changed = new Set<string>();
  #nextLearnt = Promise.withResolvers<void>();
  #running = 0;
  /** When the budget allows the next repeated look-up. */
  #nextMs = 0;
  #tickedMs = Number.NEGATIVE_INFINITY;
  /** When `#tick` runs again by itself; never while look-ups are waited for. */
  #wakeMs = Number.POSITIVE_INFINITY;
  #cancelTick = (): void => {};
  #cancelTell: (() => void) | undefined;

  constructor(options: TaskAddressesOptions) {
    this.#options = { accepts: () => true, perSecond: 50, shortestMs: 1000, ...options };
    this.#complaint = new Complaint(options.log, "addresses of tasks cannot be looked up");
  }

  /** These services and no others from now on. */
  watch(services: Iterable<string>): void {
    const wanted = new Set(services);
    for (const name of this.#names.keys()) if (!wanted.has(name)) this.#names.delete(name);
    const nowMs = this.#options.clock.now();
    for (const name of wanted) if (!this.#names.has(name)) this.#names.set(name, new WatchedName(name, nowMs));
    this.#tick();
  }

  /** In numerical order; undefined as long as they were never learnt. */
  get(service: string): readonly string[] | undefined {
    return this.#names.get(service)?.addresses;
  }

  /** Resolves when the tasks of these services, which are watched, have been learnt. */
  async learnt(services: readonly string[]): Promise<void> {
    while (services.some((name) => this.#names.has(name) && !this.get(name))) await this.#nextLearnt.promise;
  }

  /** It had tasks, and has none any more: not for a moment, as when its only task is replaced. */
  isIdle(service: string): boolean {
    const { emptySinceMs } = this.#names.get(service) ?? {};
    return emptySinceMs !== undefined && this.#options.clock.now() - emptySinceMs >= idleAfterMs;
  }

  /** Something has happened to a service: its name is looked up now and some more times within two seconds. */
  hurry(service: string): void {
    this.#names.get(service)?.hurry(this.#options.clock.now());
    this.#tick();
  }

  [Symbol.dispose](): void {
    this.#names.clear();
    this.#cancelTick();
    this.#cancelTell?.();
  }

  /** Starts what is due, and comes back when the next is. */
  #tick(): void {
    this.#cancelTick();
    this.#wakeMs = Number.POSITIVE_INFINITY;
    const { clock } = this.#options;
    const nowMs = clock.now();
    this.#followClock(nowMs);
    for (let next = this.#first(nowMs); next; next = this.#first(nowMs)) {
      if (this.#running >= mostAtOnce) return; // a look-up that ends comes here again
      const startMs = this.#startOf(next, nowMs);
      if (startMs > nowMs) {
        this.#wakeMs = startMs;
        this.#cancelTick = clock.after(startMs - nowMs, () => this.#tick());
        return;
      }
      if (!next.isUrgent) this.#spend(nowMs);
      void this.#look(next);
    }
  }

  /** A clock that was put back would hold up everything until it is where it was. */
  #followClock(nowMs: number): void {
    const backMs = this.#tickedMs - nowMs;
    this.#tickedMs = nowMs;
    if (backMs <= 0) return;
    this.#nextMs -= backMs;
    for (const name of this.#names.values()) name.putBack(backMs);
  }

  /** Look-ups that are in no hurry wait for one another: to wake up costs more than they do. */
  #startOf(name: WatchedName, nowMs: number): number {
    if (name.isUrgent) return name.dueMs;
    const startMs = Math.max(name.dueMs, this.#nextMs);
    return startMs <= nowMs || name.isHurried ? startMs : Math.ceil(startMs / this.#togetherMs) * this.#togetherMs;
  }

  /** What was not used is saved up, for a second. */
  #spend(nowMs: number): void {
    this.#nextMs = Math.max(this.#nextMs, nowMs - 1000) + 1000 / this.#options.perSecond;
  }

  /** The name to look up next: urgent ones that are due before all others. */
  #first(nowMs: number): WatchedName | undefined {
    let first: WatchedName | undefined;
    for (const name of this.#names.values()) if (!first || name.goesBefore(first, nowMs)) first = name;
    return first?.dueMs === Number.POSITIVE_INFINITY ? undefined : first;
  }

  async #look(name: WatchedName): Promise<void> {
    const { clock, lookUp } = this.#options;
    const startedMs = clock.now();
    name.started();
    this.#running++;
    try {
      const found = await lookUp(`tasks.${name.service}`);
      this.#complaint.cured();
      if (this.#names.get(name.service) === name) this.#learn(name, found);
    } catch (error) {
      this.#complaint.tell(error);
    }
    const sinceMs = Math.min(startedMs, clock.now()); // the clock may have been put back
    name.ended(sinceMs, this.#nextTurnMs(name, sinceMs));
    this.#running--;
    if (name.dueMs < this.#wakeMs) this.#tick();
  }

  /** Names that were looked up together stay together. What was never learnt does not wait for its turn. */
  #nextTurnMs({ addresses }: WatchedName, startedMs: number): number {
    return Math.floor(startedMs / this.#togetherMs) * this.#togetherMs + (addresses ? this.#periodMs : 1000);
  }

  get #periodMs(): number {
    return Math.max(this.#options.shortestMs, (this.#names.size * 1000) / this.#options.perSecond);
  }

  get #togetherMs(): number {
    return Math.min(1000, this.#periodMs / 4);
  }

  #learn(name: WatchedName, found: readonly string[]): void {
    const numbers = found.filter(this.#options.accepts).flatMap((address) => parseAddress(address) ?? []);
    const addresses = [...new Set(numbers)].sort((a, b) => a - b).map(formatAddress);
    if (name.addresses?.join() === addresses.join()) return;
    const isLeft = (name.addresses?.length ?? 0) > 0 && addresses.length === 0;
    name.emptySinceMs = isLeft ? this.#options.clock.now() : undefined;
    if (isLeft) this.#options.clock.after(idleAfterMs, () => this.isIdle(name.service) && this.#tell(name.service));
    name.addresses = addresses;
    this.#nextLearnt.resolve();
    this.#nextLearnt = Promise.withResolvers();
    this.#tell(name.service);
  }

  #tell(service: string): void {
    this.#changed.add(service);
    // What is learnt in the same moment is told together.
    this.#cancelTell ??= this.#options.clock.after(0, () => {
      this.#cancelTell = undefined;
      const changed = [...this.#changed];
      this.#changed.clear();
      this.#options.changed(changed);
    });
  }
}
