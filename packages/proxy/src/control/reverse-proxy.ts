import { mkdir } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import type { Clock, Logger } from "@skep/model";
import { CarriedCertificates, CertificateStore } from "../certificates/index.ts";
import { Driver } from "../runtime/index.ts";
import type { ProxyService } from "../service/index.ts";
import type { Settings } from "../settings/index.ts";
import { type LookUp, TaskAddresses } from "../sources/index.ts";
import { certificateTrial } from "./certificate-trial.ts";
import { ConfigRenderer, taskHosts } from "./config-renderer.ts";
import { Controller } from "./controller.ts";
import { HaproxyConfig } from "./haproxy-config.ts";
import { renderPaths } from "./render-paths.ts";
import { SavedRoutes } from "./saved-routes.ts";
import { Statistics } from "./statistics.ts";

export interface ReverseProxyOptions {
  readonly settings: Settings;
  /** `haproxy`, or a path. */
  readonly haproxy: string;
  /** Of the controller, for the metrics. */
  readonly version: string;
  readonly lookUp: LookUp;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Look-ups of tasks' addresses: a few services every 250 ms, 1,000 services every minute or so, and those that change at once. */
const perSecond = 15;
const shortestMs = 250;

/** HAProxy, the controller that decides what it runs, and what goes into that besides the routes: tasks and certificates. */
export class ReverseProxy {
  readonly controller: Controller;
  readonly haproxy: HaproxyConfig;
  readonly certificates: CertificateStore;
  readonly tasks: TaskAddresses;
  readonly saved: SavedRoutes;
  readonly statistics: Statistics;
  /** Called after each change of what is live. */
  changed: () => void = () => {};
  readonly #settings: Settings;
  readonly #driver: Driver;

  /** Starts HAProxy, or takes over the one that an earlier controller has left. Throws a DomainError. */
  static async start(options: ReverseProxyOptions, signal: AbortSignal): Promise<ReverseProxy> {
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
    return new ReverseProxy(options, driver, renderer, signal);
  }

  private constructor(options: ReverseProxyOptions, driver: Driver, renderer: ConfigRenderer, signal: AbortSignal) {
    const { settings, haproxy: binary, version, lookUp, clock, log } = options;
    const { instance, paths } = settings;
    this.#settings = settings;
    this.#driver = driver;
    this.haproxy = new HaproxyConfig(driver);
    this.saved = new SavedRoutes(join(paths.configs, "routes.json"), clock, log);
    const tasksChanged = (hosts: readonly string[]) => this.#tasksChanged(hosts);
    this.tasks = new TaskAddresses({ lookUp, clock, log, changed: tasksChanged, perSecond, shortestMs });
    this.certificates = new CertificateStore(paths.certificates, clock, certificateTrial(binary, paths.run, signal));
    const carried = new CarriedCertificates(this.certificates, log);
    this.controller = new Controller({
      haproxy: this.haproxy,
      render: (services) =>
        renderer.render(services, {
          certificates: this.haproxy.certificates,
          tasks: (host) => this.tasks.get(host),
          isIdle: (host) => this.tasks.isIdle(host),
        }),
      refuses: (service) => renderer.refuses(service),
      accepts: ({ proxyInstanceName }) =>
        !instance.onlyOwnServices || proxyInstanceName.toLowerCase() === instance.name.toLowerCase(),
      clock,
      log: log.child({ component: "routes" }),
      told: (services) => void carried.take(services),
      changed: () => this.#hasChanged(),
    });
    const { controller } = this;
    this.statistics = new Statistics({ driver, controller, certificates: () => this.haproxy.ends, version, clock });
  }

  /** Resolves when the tasks of sticky services are known: a config without them takes clients' cookies away. */
  learnTasks(): Promise<void> {
    const services = [...this.controller.states().values()].map(({ service }) => service);
    this.#watchTasks(services);
    return this.tasks.learnt(services.filter(isSticky).flatMap(taskHosts));
  }

  /** Addresses of tasks, or certificates, are other ones now. */
  again(): void {
    this.controller.apply().catch(() => {}); // it is tried again
  }

  /** Lets requests end for so long, then ends HAProxy. */
  async stop(graceMs: number): Promise<void> {
    this.tasks[Symbol.dispose]();
    this.statistics[Symbol.dispose]();
    await this.saved.written();
    await this.#driver.stop(graceMs);
  }

  /** Where one task has come or gone, others are about to. */
  #tasksChanged(hosts: readonly string[]): void {
    for (const host of hosts) this.tasks.hurry(host);
    this.again();
  }

  #hasChanged(): void {
    this.#watchTasks(this.controller.live());
    this.saved.save(this.controller);
    this.changed();
  }

  #watchTasks(services: readonly ProxyService[]): void {
    const { discoveryType } = this.#settings.services;
    const byTask = services.filter(
      (service) => (service.discoveryType || discoveryType) === "tasks" || isSticky(service),
    );
    this.tasks.watch(new Set(byTask.flatMap(taskHosts).filter((host) => isIP(host) === 0)));
  }
}

const isSticky = ({ sessionType }: ProxyService) => sessionType !== "";
