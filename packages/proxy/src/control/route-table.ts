import type { ProxyService } from "../service/service.ts";

/** Where a route comes from; an earlier one hides a later one of the same service. */
export const origins = ["http", "swarm", "listener", "environment"] as const;
export type Origin = (typeof origins)[number];

/** One version of a service's route, and what it was made from. */
export interface Route {
  readonly service: ProxyService;
  /** The parameters, as in a `reconfigure` request. */
  readonly query: string;
}

export interface WantedRoute extends Route {
  readonly origin: Origin;
}

/** What every source asks for, and what of it is wanted: by name, the first origin that has it. */
export class RouteTable {
  /** By service, why an origin's newest version of it cannot be used; the route is the one before, if there is one. */
  readonly #problems = new Map<Origin, ReadonlyMap<string, string>>();
  readonly #byOrigin = new Map<Origin, Map<string, Route>>(origins.map((origin) => [origin, new Map()]));

  set(origin: Origin, route: Route): void {
    this.#of(origin).set(route.service.serviceName, route);
  }

  /** False when there was none. */
  remove(origin: Origin, name: string): boolean {
    return this.#of(origin).delete(name);
  }

  get(origin: Origin, name: string): Route | undefined {
    return this.#of(origin).get(name);
  }

  /** False when that changes nothing. */
  replaceAll(origin: Origin, routes: readonly Route[], problems: ReadonlyMap<string, string> = new Map()): boolean {
    this.#problems.set(origin, problems);
    const before = this.#of(origin);
    const after = new Map(routes.map((route) => [route.service.serviceName, route]));
    const same = before.size === after.size && routes.every((one) => isSame(before.get(one.service.serviceName), one));
    if (!same) this.#byOrigin.set(origin, after);
    return !same;
  }

  of(origin: Origin): ReadonlyMap<string, Route> {
    return this.#of(origin);
  }

  /** Of all origins. */
  problems(): Map<string, { readonly origin: Origin; readonly reason: string }> {
    const all = [...this.#problems].flatMap(([origin, problems]) =>
      [...problems].map(([name, reason]) => [name, { origin, reason }] as const),
    );
    return new Map(all);
  }

  wanted(): Map<string, WantedRoute> {
    const wanted = new Map<string, WantedRoute>();
    for (const origin of origins) {
      for (const [name, route] of this.#of(origin)) {
        if (!wanted.has(name)) wanted.set(name, { ...route, origin });
      }
    }
    return wanted;
  }

  #of(origin: Origin): Map<string, Route> {
    return this.#byOrigin.get(origin) ?? new Map();
  }
}

const isSame = (before: Route | undefined, after: Route) => before?.query === after.query;
