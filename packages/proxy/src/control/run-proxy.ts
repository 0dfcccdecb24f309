import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type Clock, type Logger, pause } from "@skep/model";
import {
  CertificateFolder,
  CertificateStore,
  isCertificateSecret,
  orderCertificates,
  watchSources,
} from "../certificates/index.ts";
import { Driver } from "../runtime/index.ts";
import { ParameterError, parseService } from "../service/index.ts";
import { parseContextOf, type ReadSecret, type Settings } from "../settings/index.ts";
import {
  askToNotify,
  dnsLookUp,
  type ListenerSettings,
  Peers,
  parseListenerSettings,
  SharedRoutes,
  SwarmClient,
  TaskAddresses,
} from "../sources/index.ts";
import { ApiServer } from "./api/api-server.ts";
import type { ApiParts } from "./api/parts.ts";
import { apiAddresses } from "./api-addresses.ts";
import { certificateTrial } from "./certificate-trial.ts";
import { ConfigRenderer, taskHosts } from "./config-renderer.ts";
import { Controller } from "./controller.ts";
import { Filled } from "./filled.ts";
import { followPeers } from "./follow-peers.ts";
import { followListeners, takeInEnvironment } from "./follow-sources.ts";
import { HaproxyConfig } from "./haproxy-config.ts";
import { renderPaths } from "./render-paths.ts";
import { ReplicaSet } from "./replica-set.ts";
import { RouteFeed } from "./route-feed.ts";
import type { Route } from "./route-table.ts";
import { routedQuery } from "./routed-query.ts";
import { SavedRoutes } from "./saved-routes.ts";
import { SharedView } from "./shared-view.ts";
import { Statistics } from "./statistics.ts";
import { followSwarm } from "./swarm-source.ts";

export interface ProxyOptions {
  readonly settings: Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readSecret: ReadSecret;
  /** `haproxy`, or a path. */
  readonly haproxy: string;
  /** Requests may take so long to end when the proxy is stopped. */
  readonly graceMs: number;
  /** Of the controller, for the metrics. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A source that cannot be asked is waited for so long at the start. */
const fillMs = 3000;
const retryMs = 60_000;
/** Look-ups of tasks' addresses: a few services every 250 ms, 1,000 services every 50 s, and those that change at once. */
const perSecond = 20;
const shortestMs = 250;

/** The reverse proxy: HAProxy and what reconfigures it. Resolves when `signal` has aborted and HAProxy is gone. */
export async function runProxy(options: ProxyOptions, signal: AbortSignal): Promise<void> {
  const proxy = await ReverseProxy.start(options, signal);
  try {
    await proxy.run();
  } finally {
    await proxy.stop();
  }
}

class ReverseProxy {
  readonly #options: ProxyOptions;
  readonly #signal: AbortSignal;
  readonly #driver: Driver;
  readonly #haproxy: HaproxyConfig;
  readonly #controller: Controller;
  readonly #renderer: ConfigRenderer;
  readonly #saved: SavedRoutes;
  readonly #tasks: TaskAddresses;
  readonly #certificates: CertificateStore;
  readonly #client: SwarmClient | undefined;
  readonly #shared: SharedRoutes;
  readonly #peers: Peers;
  readonly #filled: Filled;
  readonly #feed: RouteFeed;
  readonly #listener: ListenerSettings;
  readonly #statistics: Statistics;
  #isManaged = false;

  static async start(options: ProxyOptions, signal: AbortSignal): Promise<ReverseProxy> {
    const { settings, haproxy: binary, clock, log } = options;
    const { configs, run, certificates } = settings.paths;
    for (const folder of [configs, run, certificates]) await mkdir(folder, { recursive: true });
    const paths = renderPaths(settings);
    const renderer = new ConfigRenderer(settings, paths);
    const driver = await Driver.start(
      {
        binary,
        configPath: join(configs, "haproxy.cfg"),
        runDirectory: run,
        adminSocket: paths.adminSocket,
        stateFile: paths.stateFile,
        ...(settings.reload.terminate && { mostOldWorkers: 0 }),
        stdout: "inherit",
        clock,
        logger: log.child({ component: "haproxy" }),
      },
      renderer.closed(),
    );
    return new ReverseProxy(options, signal, driver, renderer);
  }

  private constructor(options: ProxyOptions, signal: AbortSignal, driver: Driver, renderer: ConfigRenderer) {
    const { settings, clock, log, haproxy } = options;
    const { instance, control, paths } = settings;
    const listener = parseListenerSettings(options.env, options.readSecret);
    this.#listener = listener;
    this.#options = options;
    this.#signal = signal;
    this.#driver = driver;
    this.#renderer = renderer;
    this.#haproxy = new HaproxyConfig(driver);
    this.#saved = new SavedRoutes(join(paths.configs, "routes.json"), clock, log);
    const lookUp = dnsLookUp();
    this.#tasks = new TaskAddresses({
      lookUp,
      clock,
      log,
      changed: (services) => this.#tasksChanged(services),
      perSecond,
      shortestMs,
    });
    this.#controller = new Controller({
      haproxy: this.#haproxy,
      render: (services) => this.#render(services),
      refuses: (service) => renderer.refuses(service),
      accepts: ({ proxyInstanceName }) =>
        !instance.onlyOwnServices || proxyInstanceName.toLowerCase() === instance.name.toLowerCase(),
      clock,
      log: log.child({ component: "routes" }),
      changed: () => this.#hasChanged(),
    });
    this.#certificates = new CertificateStore(paths.certificates, clock, certificateTrial(haproxy, paths.run, signal));
    const socket = /^unix:\/\/(.+)$/.exec(listener.dockerHost)?.[1];
    this.#client = socket === undefined || existsSync(socket) ? new SwarmClient(listener.dockerHost, clock) : undefined;
    const client = this.#client ?? new SwarmClient(listener.dockerHost, clock);
    this.#shared = new SharedRoutes(client, { serviceName: instance.serviceName, clock, log });
    this.#peers = new Peers({
      serviceName: instance.serviceName,
      port: control.port,
      lookUp,
      clock,
      log,
      ...(control.token !== undefined && { headers: { Authorization: `Bearer ${control.token}` } }),
    });
    this.#statistics = new Statistics({
      driver,
      controller: this.#controller,
      certificates: () => this.#haproxy.ends,
      version: options.version,
      clock,
    });
    this.#feed = new RouteFeed(this.#controller, () => this.#isManaged);
    this.#filled = new Filled([
      "certificates",
      "peers",
      ...(this.#client ? ["swarm"] : []),
      ...(instance.listeners.length > 0 ? ["listeners"] : []),
    ]);
  }

  /** Until the signal aborts. */
  async run(): Promise<void> {
    const { settings, env, readSecret, clock, log } = this.#options;
    const known = await this.#saved.restore(this.#controller, (query) => this.#tryRoute(query));
    takeInEnvironment(this.#controller, env, parseContextOf(settings, readSecret));
    const following = Promise.all([
      this.#followCertificates(),
      this.#followSwarm(),
      this.#followPeers(),
      followListeners(
        { controller: this.#controller, routeOf: routeIn(this.#options), settings, clock, log },
        this.#client,
        () => this.#filled.tell("listeners"),
        this.#signal,
      ),
      this.#retry(),
    ]);
    if (!known) await Promise.race([this.#filled.all, pause(clock, fillMs, this.#signal)]);
    await this.#controller.begin().catch(() => {}); // it is tried again
    const addresses = apiAddresses(settings.control, networkInterfaces());
    await using _api = await ApiServer.listen(this.#apiParts(), addresses, settings.control.port);
    log.info({ addresses, port: settings.control.port }, "proxy is ready");
    await following;
  }

  async stop(): Promise<void> {
    this.#tasks[Symbol.dispose]();
    this.#statistics[Symbol.dispose]();
    await this.#shared[Symbol.asyncDispose]();
    this.#client?.[Symbol.dispose]();
    await this.#saved.written();
    await this.#driver.stop(this.#options.graceMs);
  }

  #render(services: Parameters<ConfigRenderer["render"]>[0]) {
    return this.#renderer.render(services, {
      certificates: this.#haproxy.certificates,
      tasks: (service) => this.#tasks.get(service),
    });
  }

  /** Where one task has come or gone, others are about to. */
  #tasksChanged(services: readonly string[]): void {
    for (const service of services) this.#tasks.hurry(service);
    this.#again();
  }

  /** Addresses of tasks or certificates are other ones now. */
  #again(): void {
    this.#controller.apply().catch(() => {}); // it is tried again
  }

  #hasChanged(): void {
    const { discoveryType } = this.#options.settings.services;
    const byTask = this.#controller
      .live()
      .filter((service) => (service.discoveryType || discoveryType) === "tasks" || service.sessionType !== "");
    const hosts = byTask.flatMap(taskHosts).filter((host) => isIP(host) === 0);
    this.#tasks.watch(new Set(hosts));
    this.#saved.save(this.#controller);
    this.#feed.stir();
  }

  #tryRoute(query: string): Route | undefined {
    try {
      return routeIn(this.#options)(new URLSearchParams(query));
    } catch (error) {
      if (!(error instanceof ParameterError)) throw error;
      this.#options.log.warn({ query, reason: error.message }, "a shared route cannot be used here");
      return undefined;
    }
  }

  async #followCertificates(): Promise<void> {
    const { settings, clock, log } = this.#options;
    const secrets = new CertificateFolder(settings.paths.secrets, clock, isCertificateSecret);
    for await (const { certificates, refused } of watchSources([this.#certificates, secrets], this.#signal)) {
      for (const { path, reason } of refused) log.warn({ path, reason }, "certificate refused");
      if (this.#haproxy.useCertificates(orderCertificates(certificates, settings.tls.preferred))) this.#again();
      this.#filled.tell("certificates");
    }
  }

  async #followSwarm(): Promise<void> {
    if (!this.#client) return;
    const { settings, clock, log } = this.#options;
    const { notifyLabel, namePrefix, serviceEvents, servicePollingMs } = this.#listener;
    await followSwarm(
      {
        client: this.#client,
        controller: this.#controller,
        shared: this.#shared,
        view: this.#newView(),
        routeOf: routeIn(this.#options),
        notifyLabel,
        namePrefix,
        events: serviceEvents,
        comparisonMs: servicePollingMs,
        ownServiceName: settings.instance.serviceName,
        stirred: (service) => this.#tasks.hurry(service),
        seen: (snapshot) => {
          const before = this.#isManaged;
          this.#isManaged = snapshot !== undefined;
          if (!before && snapshot?.own) this.#shareOwn();
          this.#feed.stir();
          this.#filled.tell("swarm");
        },
        clock,
        log: log.child({ component: "swarm" }),
      },
      this.#signal,
    );
  }

  /** Each way by which others' routes come has its own: what one does not know the other may. */
  #newView(): SharedView {
    const { log } = this.#options;
    return new SharedView({ controller: this.#controller, routeOf: (query) => this.#tryRoute(query), log });
  }

  /** What came by request while no replica saw the swarm. */
  #shareOwn(): void {
    for (const [name, { query }] of this.#controller.routesOf("http")) {
      if (!this.#shared.routes.has(name)) this.#shared.change(name, query).catch(() => {}); // it is tried again
    }
  }

  #followPeers(): Promise<void> {
    const { settings, clock, log } = this.#options;
    const { port, token } = settings.control;
    return followPeers(
      {
        peers: this.#peers,
        port,
        token,
        controller: this.#controller,
        view: this.#newView(),
        routeOf: (query) => this.#tryRoute(query),
        isManaged: () => this.#isManaged,
        told: () => this.#filled.tell("peers"),
        clock,
        log: log.child({ component: "replicas" }),
      },
      this.#signal,
    );
  }

  /** What HAProxy has rejected may be right now: a template was mended, a port is free again. */
  async #retry(): Promise<void> {
    while (!this.#signal.aborted) {
      await pause(this.#options.clock, retryMs, this.#signal);
      if (!this.#signal.aborted) await this.#controller.retry().catch(() => {}); // it is tried again
    }
  }

  #apiParts(): ApiParts {
    const { settings, readSecret, clock, log } = this.#options;
    const context = parseContextOf(settings, readSecret);
    return {
      controller: this.#controller,
      feed: this.#feed,
      settings: settings.control,
      nameStyle: settings.services.nameStyle,
      parse: (query) => parseService(query, context),
      check: (rendered) => this.#haproxy.check(rendered),
      replicas: new ReplicaSet({
        peers: this.#peers,
        shared: this.#shared,
        isManaged: () => this.#isManaged,
        log,
      }),
      certificates: this.#certificates,
      notifyListeners: () => askToNotify(settings.instance.listeners, { clock, signal: this.#signal }),
      hasBeenFilled: () => this.#filled.isDone,
      statistics: this.#statistics,
      configPath: join(settings.paths.configs, "haproxy.cfg"),
      clock,
      log: log.child({ component: "api" }),
    };
  }
}

const routeIn =
  ({ settings, readSecret }: Pick<ProxyOptions, "settings" | "readSecret">) =>
  (parameters: URLSearchParams): Route => ({
    service: parseService(parameters, parseContextOf(settings, readSecret)),
    query: routedQuery(parameters),
  });
