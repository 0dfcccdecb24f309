import type { Clock, Logger } from "@skep/model";
import type { Rendered } from "../render/rendered.ts";
import type { ProxyService } from "../service/service.ts";
import { type LiveConfig, RejectedRoute, type Versions } from "./live-config.ts";
import { type Origin, type Route, RouteTable, type WantedRoute } from "./route-table.ts";
import { TurnsByName } from "./turns-by-name.ts";

export interface ControllerParts {
  readonly haproxy: LiveConfig;
  readonly render: (services: readonly ProxyService[]) => Rendered;
  /** Why a service cannot be rendered, before HAProxy is asked; undefined when it can. */
  readonly refuses: (service: ProxyService) => string | undefined;
  /** Services for other instances of the proxy are passed over. */
  readonly accepts: (service: ProxyService) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with all services that a source has, each time that it tells them. */
  readonly told: (services: readonly ProxyService[]) => void;
  /** Called after each change of what is live. */
  readonly changed: (controller: Controller) => void;
}

export type RouteState =
  /** `instead`: the version before it is live. */
  | { readonly state: "rejected"; readonly reason: string; readonly instead: boolean }
  | { readonly state: "live" }
  /** Not yet tried. */
  | { readonly state: "pending" }
  /** It has no instances, or is for another instance of the proxy. */
  | { readonly state: "idle"; readonly reason: string };

const againMs = 1000;

interface Waiter {
  readonly version: number;
  readonly done: (error: unknown) => void;
}

/**
 * Knows what every source wants and what is live, and brings the second to the first: one pass at a time, each with all
 * that has changed by then, so that a burst of changes costs a pass or two.
 */
export class Controller {
  readonly #parts: ControllerParts;
  readonly #table = new RouteTable();
  readonly #turns = new TurnsByName();
  /** The last version that HAProxy took, by service. */
  readonly #good = new Map<string, Route>();
  #rejected: ReadonlyMap<string, string> = new Map();
  #tried: ReadonlyMap<string, WantedRoute> = new Map();
  #retry = false;
  /** Before, only a part of what is wanted may be known. */
  #begun = false;
  readonly #checked = new Map<string, { readonly query: string; readonly reason: string | undefined }>();
  #rendered: Rendered | undefined;
  /** The last pass did not bring HAProxy to what is wanted. */
  #isBehind = false;
  #version = 0;
  #appliedVersion = 0;
  readonly #waiters = new Set<Waiter>();
  #pass: Promise<void> | undefined;

  constructor(parts: ControllerParts) {
    this.#parts = parts;
  }

  /** What runs; undefined before the first pass. */
  get rendered(): Rendered | undefined {
    return this.#rendered;
  }

  /** What is remembered over restarts. */
  get good(): ReadonlyMap<string, Route> {
    return this.#good;
  }

  /** What services fall back to, from an earlier run. */
  remember(routes: readonly Route[]): void {
    for (const route of routes) this.#good.set(route.service.serviceName, route);
  }

  /**
   * Adds or changes one service's route, and resolves when it is live. Throws RejectedRoute when HAProxy does not take
   * it; what was live before stays. One change of a service after the other: what one falls back to, the one before has
   * proven.
   */
  set(origin: Origin, route: Route): Promise<void> {
    return this.#turns.take(route.service.serviceName, () => this.#set(origin, route));
  }

  /** Resolves when the route is gone; false when there was none. */
  remove(origin: Origin, name: string): Promise<boolean> {
    return this.#turns.take(name, async () => {
      const isRemoved = this.#table.remove(origin, name);
      if (isRemoved || this.#isBehind) await this.apply();
      return isRemoved;
    });
  }

  async #set(origin: Origin, route: Route): Promise<void> {
    const name = route.service.serviceName;
    const before = this.#table.get(origin, name);
    const refused = this.#parts.refuses(route.service);
    if (refused !== undefined) throw new RejectedRoute(refused, true);
    this.#table.set(origin, route);
    await this.apply();
    const reason = this.#rejected.get(name);
    if (reason === undefined || this.#table.get(origin, name) !== route) return;
    if (before) this.#table.set(origin, before);
    else this.#table.remove(origin, name);
    await this.apply();
    throw new RejectedRoute(reason, true);
  }

  /** A source's whole state; resolves when it is live, as far as HAProxy takes it. */
  async replaceAll(
    origin: Origin,
    routes: readonly Route[],
    problems: ReadonlyMap<string, string> = new Map(),
  ): Promise<void> {
    for (const [service, reason] of problems) {
      if (this.problems.get(service)?.reason !== reason) this.#parts.log.warn({ service, reason }, "route rejected");
    }
    this.#parts.told(routes.map(({ service }) => service));
    if (this.#table.replaceAll(origin, routes, problems)) await this.apply();
  }

  /** By service, why its newest parameters cannot be used; what was live before is. */
  get problems(): ReadonlyMap<string, { readonly origin: Origin; readonly reason: string }> {
    return this.#table.problems();
  }

  routesOf(origin: Origin): ReadonlyMap<string, Route> {
    return this.#table.of(origin);
  }

  /** What each service's route is like, in the order of their names. */
  states(): Map<string, WantedRoute & RouteState> {
    const states = [...this.#table.wanted()].map(([name, route]): [string, WantedRoute & RouteState] => [
      name,
      { ...route, ...this.#stateOf(name, route) },
    ]);
    return new Map(states.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The routes that are live, by the version that is: while a newer one is tried, or when it was rejected, the one before. */
  live(): ProxyService[] {
    return [...this.states()].flatMap(([name, { state, service }]) => {
      if (state === "live") return [service];
      const good = state !== "idle" && this.#tried.has(name) ? this.#good.get(name) : undefined;
      return good ? [good.service] : [];
    });
  }

  /** The config as it would be with this service. */
  preview(service: ProxyService): Rendered {
    const others = this.live().filter(({ serviceName }) => serviceName !== service.serviceName);
    return this.#parts.render([...others, service]);
  }

  /** All sources have told of their routes, or have had their time: HAProxy is brought to what is wanted from now on. */
  begin(): Promise<void> {
    this.#begun = true;
    return this.apply();
  }

  /** Some of what is wanted is not live. */
  get hasRejected(): boolean {
    return this.#rejected.size > 0;
  }

  /** Brings HAProxy to what is wanted now, and tries again what it has rejected before; resolves when that is done. */
  retry(): Promise<void> {
    this.#retry = true;
    return this.apply();
  }

  /** Brings HAProxy to what is wanted now; resolves when that is done. */
  apply(): Promise<void> {
    const version = ++this.#version;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters.add({ version, done: (error) => (error === undefined ? resolve() : reject(error)) });
    if (this.#begun) this.#pass ??= this.#run();
    return promise;
  }

  #stateOf(name: string, { service, query }: WantedRoute): RouteState {
    const reason = this.#idle(service);
    if (reason !== undefined) return { state: "idle", reason };
    const rejected = this.#rejected.get(name);
    if (this.#tried.get(name)?.query !== query) return { state: "pending" };
    return rejected === undefined
      ? { state: "live" }
      : { state: "rejected", reason: rejected, instead: this.#good.has(name) };
  }

  #idle(service: ProxyService): string | undefined {
    if (service.replicas === 0) return "it has no replicas";
    return this.#parts.accepts(service) ? undefined : "it is for another instance of the proxy";
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // all that is asked for in this turn goes together
    while (this.#appliedVersion < this.#version) {
      const version = this.#version;
      const error = await this.#applyOnce().then(
        () => undefined,
        (err: unknown) => err ?? new Error("unknown"),
      );
      this.#appliedVersion = version;
      this.#isBehind = error !== undefined;
      if (error !== undefined) this.#tryLater(error);
      for (const waiter of this.#waiters) {
        if (waiter.version > version) continue;
        this.#waiters.delete(waiter);
        waiter.done(error);
      }
    }
    this.#pass = undefined;
  }

  #tryLater(err: unknown): void {
    this.#parts.log.error({ err }, "haproxy does not have what is wanted; trying again");
    this.#parts.clock.after(againMs, () => void this.apply().catch(() => {}));
  }

  async #applyOnce(): Promise<void> {
    const wanted = this.#table.wanted();
    const routed = [...wanted].filter(([, { service }]) => this.#idle(service) === undefined);
    for (const known of [this.#good, this.#checked]) {
      for (const name of known.keys()) if (!wanted.has(name)) known.delete(name);
    }
    const known = this.#retry ? new Map<string, string>() : this.#stillRejected(wanted);
    if (this.#retry) this.#checked.clear();
    this.#retry = false;
    for (const [name, route] of routed) {
      const reason = this.#refusal(name, route);
      if (reason !== undefined) known.set(name, reason);
    }
    const services = routed.map(([name, route]) => this.#versionsOf(name, route, known.has(name)));
    const applied = await this.#parts.haproxy.apply(services, this.#parts.render);
    const rejected = new Map([...known, ...applied.rejected]);
    this.#rendered = applied.rendered;
    for (const [name, route] of routed) if (!rejected.has(name)) this.#good.set(name, route);
    this.#tell(rejected);
    this.#rejected = rejected;
    this.#tried = wanted;
    this.#parts.changed(this);
  }

  /** Asked once for each version. */
  #refusal(name: string, { service, query }: Route): string | undefined {
    const before = this.#checked.get(name);
    if (before?.query === query) return before.reason;
    const reason = this.#parts.refuses(service);
    this.#checked.set(name, { query, reason });
    return reason;
  }

  /** What HAProxy did not take last time is not tried at each change of others. */
  #stillRejected(wanted: ReadonlyMap<string, WantedRoute>): Map<string, string> {
    return new Map([...this.#rejected].filter(([name]) => wanted.get(name)?.query === this.#tried.get(name)?.query));
  }

  #versionsOf(serviceName: string, { service, query }: WantedRoute, isRejected: boolean): Versions {
    const good = this.#good.get(serviceName);
    const before = good && good.query !== query ? [good.service] : [];
    const proven = good?.query === query || isRejected;
    return { serviceName, versions: isRejected ? before : [service, ...before], proven };
  }

  #tell(rejected: ReadonlyMap<string, string>): void {
    for (const [service, reason] of rejected) {
      if (this.#rejected.get(service) !== reason) this.#parts.log.warn({ service, reason }, "route rejected");
    }
  }
}
