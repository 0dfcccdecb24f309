import { createHash } from "node:crypto";
import type { Controller } from "./controller.ts";

/** The routes that one replica has from others, as it tells them. */
export interface SharedState {
  /** Other than before whenever anything else is. */
  readonly revision: string;
  /** It sees the swarm itself, so what it tells is the swarm's state. */
  readonly managed: boolean;
  /** Parameters of `reconfigure` by service: those that came by HTTP, */
  readonly routes: Readonly<Record<string, string>>;
  /** and those of services' labels. */
  readonly swarm: Readonly<Record<string, string>>;
}

/** Tells other replicas of the routes this one knows, at once when they change. */
export class RouteFeed {
  readonly #controller: Controller;
  readonly #isManaged: () => boolean;
  #state: SharedState | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(controller: Controller, isManaged: () => boolean) {
    this.#controller = controller;
    this.#isManaged = isManaged;
  }

  get state(): SharedState {
    this.#state ??= this.#read();
    return this.#state;
  }

  /** Routes may be other ones now. */
  stir(): void {
    const before = this.#state?.revision;
    this.#state = undefined;
    if (this.state.revision === before) return;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** The state, as soon as it is another one than `after`, or when `until` resolves. */
  async next(after: string, until: Promise<void>): Promise<SharedState> {
    if (this.state.revision === after) await Promise.race([this.#changed.promise, until]);
    return this.state;
  }

  #read(): SharedState {
    const queries = (origin: "http" | "swarm") =>
      Object.fromEntries(
        [...this.#controller.routesOf(origin)].map(([name, { query }]) => [name, query] as const).sort(),
      );
    const content = { managed: this.#isManaged(), routes: queries("http"), swarm: queries("swarm") };
    return { revision: createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16), ...content };
  }
}
