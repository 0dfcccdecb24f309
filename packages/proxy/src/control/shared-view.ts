import type { Logger } from "@skep/model";
import type { Controller } from "./controller.ts";
import type { Route } from "./route-table.ts";

export interface SharedViewParts {
  readonly controller: Controller;
  /** Undefined when this replica cannot use the parameters. */
  readonly routeOf: (query: string) => Route | undefined;
  readonly log: Logger;
}

/**
 * Routes that came by HTTP to any replica. Only what has changed since the last look is carried out: what this replica has
 * just been told itself, and the others not yet, stays.
 */
export class SharedView {
  readonly #parts: SharedViewParts;
  #last: ReadonlyMap<string, string> = new Map();

  constructor(parts: SharedViewParts) {
    this.#parts = parts;
  }

  /** Takes in all routes as they are shared now. */
  follow(shared: ReadonlyMap<string, string>): void {
    const { controller, routeOf, log } = this.#parts;
    const last = this.#last;
    this.#last = new Map(shared);
    for (const [name, query] of shared) {
      if (last.get(name) === query || controller.routesOf("http").get(name)?.query === query) continue;
      const route = routeOf(query);
      if (!route) continue;
      controller.set("http", route).catch((err) => log.warn({ service: name, err }, "a shared route is not live"));
    }
    for (const name of last.keys()) {
      if (shared.has(name)) continue;
      controller.remove("http", name).catch((err) => log.warn({ service: name, err }, "a route is not removed"));
    }
  }
}
