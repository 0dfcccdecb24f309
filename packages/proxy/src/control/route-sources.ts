import { existsSync } from "node:fs";
import type { Clock, Logger } from "@skep/model";
import type { Settings } from "../settings/index.ts";
import { hasTaskAt, type ListenerSettings, type LookUp, Peers, SharedRoutes, SwarmClient } from "../sources/index.ts";
import { Filled } from "./filled.ts";
import { followCertificates } from "./follow-certificates.ts";
import { followReplicas } from "./follow-replicas.ts";
import { followListeners } from "./follow-sources.ts";
import type { ReverseProxy } from "./reverse-proxy.ts";
import { RouteFeed } from "./route-feed.ts";
import type { RouteReader } from "./route-reader.ts";
import { SharedView } from "./shared-view.ts";
import { followSwarm } from "./swarm-source.ts";

export interface RouteSourcesParts {
  readonly proxy: ReverseProxy;
  readonly reader: RouteReader;
  readonly settings: Settings;
  readonly listener: ListenerSettings;
  readonly lookUp: LookUp;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where routes and certificates come from: the swarm, other replicas, swarm listeners, folders. */
export class RouteSources {
  readonly shared: SharedRoutes;
  readonly peers: Peers;
  /** What this replica tells others. */
  readonly feed: RouteFeed;
  readonly filled: Filled;
  readonly #parts: RouteSourcesParts;
  /** Undefined when there is no socket of an engine. */
  readonly #client: SwarmClient | undefined;
  #isManaged = false;
  /** The swarm has the service that this replica is a task of. */
  #canShare = false;

  constructor(parts: RouteSourcesParts) {
    const { proxy, settings, listener, lookUp, clock, log } = parts;
    const { serviceName, listeners } = settings.instance;
    const { port, token } = settings.control;
    this.#parts = parts;
    const client = new SwarmClient(listener.dockerHost, clock);
    const socket = /^unix:\/\/(.+)$/.exec(listener.dockerHost)?.[1];
    if (socket === undefined || existsSync(socket)) this.#client = client;
    this.shared = new SharedRoutes(client, { serviceName, clock, log });
    const headers = token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } };
    this.peers = new Peers({ serviceName, port, lookUp, clock, log, ...headers });
    this.feed = new RouteFeed(proxy.controller, () => this.#isManaged);
    const others = [...(this.#client ? ["swarm"] : []), ...(listeners.length > 0 ? ["listeners"] : [])];
    this.filled = new Filled(["certificates", "copies", "peers", ...others]);
  }

  /** This replica sees the swarm. */
  get isManaged(): boolean {
    return this.#isManaged;
  }

  /** Whether the swarm, when it can be asked, has a task of this service at the address. */
  async hasTaskAt(address: string, signal: AbortSignal): Promise<boolean> {
    const { instance } = this.#parts.settings;
    if (!this.#client || !this.#isManaged) return false;
    return await hasTaskAt(this.#client, instance.serviceName, address, signal).catch(() => false); // it is away
  }

  /** Follows all of them until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { proxy, reader, settings, clock, log } = this.#parts;
    const told = (source: string) => () => this.filled.tell(source);
    const { controller, certificates: store, haproxy } = proxy;
    await Promise.all([
      followCertificates(
        { store, haproxy, settings, changed: () => proxy.again(), told: told("certificates"), clock, log },
        signal,
      ),
      this.#followSwarm(signal),
      this.#followReplicas(signal),
      followListeners(
        { controller, routeOf: (parameters) => reader.read(parameters), settings, clock, log },
        this.#client,
        told("listeners"),
        signal,
      ),
    ]);
  }

  /** Writes what is still to be shared, for some seconds at most. */
  async close(): Promise<void> {
    await this.shared[Symbol.asyncDispose]();
    this.#client?.[Symbol.dispose]();
  }

  async #followSwarm(signal: AbortSignal): Promise<void> {
    if (!this.#client) return;
    const { proxy, reader, settings, listener, clock, log } = this.#parts;
    await followSwarm(
      {
        client: this.#client,
        controller: proxy.controller,
        shared: this.shared,
        view: this.#newView(),
        routeOf: (parameters) => reader.read(parameters),
        notifyLabel: listener.notifyLabel,
        namePrefix: listener.namePrefix,
        events: listener.serviceEvents,
        comparisonMs: listener.servicePollingMs,
        ownServiceName: settings.instance.serviceName,
        stirred: (service) => proxy.tasks.hurry(service),
        seen: (snapshot) => {
          const before = this.#canShare;
          this.#isManaged = snapshot !== undefined;
          this.#canShare = snapshot?.own !== undefined;
          if (!before) this.#shareOwn();
          this.feed.stir();
          this.filled.tell("swarm");
        },
        clock,
        log: log.child({ component: "swarm" }),
      },
      signal,
    );
  }

  async #followReplicas(signal: AbortSignal): Promise<void> {
    const { proxy, reader, settings, clock, log } = this.#parts;
    const { control, instance } = settings;
    const { peers } = this;
    const { controller, certificates: store } = proxy;
    const certificates = { peers, store, control, told: () => this.filled.tell("copies"), clock, log };
    const routes = {
      ...{ peers, port: control.port, token: control.token, controller, view: this.#newView() },
      routeOf: (query: string) => reader.tryRead(query),
      isManaged: () => this.#isManaged,
      tookOver: () => this.#shareOwn(),
      told: () => this.filled.tell("peers"),
      clock,
      log: log.child({ component: "replicas" }),
    };
    await followReplicas({ certificates, routes, pauseMs: instance.lookupPauseMs, clock }, signal);
  }

  /** Each way by which others' routes come has its own: what one does not know the other may. */
  #newView(): SharedView {
    const { proxy, reader, log } = this.#parts;
    return new SharedView({ controller: proxy.controller, routeOf: (query) => reader.tryRead(query), log });
  }

  /** What came by request while no replica saw the swarm. */
  #shareOwn(): void {
    if (!this.#canShare) return;
    for (const [name, { query }] of this.#parts.proxy.controller.routesOf("http")) {
      if (!this.shared.routes.has(name)) this.shared.change(name, query).catch(() => {}); // it is tried again
    }
  }
}
