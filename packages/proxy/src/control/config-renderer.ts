import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  driverOptions,
  type RenderedServices,
  type RenderInput,
  type RenderPaths,
  rememberPlans,
  render,
} from "../render/index.ts";
import type { Rendered } from "../render/rendered.ts";
import type { RenderSettings } from "../render/settings.ts";
import { aclNameOf, type ProxyService, serviceJson } from "../service/index.ts";
import type { Settings } from "../settings/index.ts";
import { renderTemplates, templateReader } from "../template/index.ts";

/** What of a config changes without any service's doing. */
export interface Surroundings {
  readonly certificates: readonly string[];
  /** Of running tasks, by the service's name in DNS. */
  readonly tasks: (host: string) => readonly string[] | undefined;
  /** It had tasks, and has none any more. */
  readonly isIdle: (host: string) => boolean;
}

type Snippets = RenderInput["snippets"] extends ReadonlyMap<string, infer One> ? One : never;

/** haproxy.cfg of some services, with the operator's templates and all settings. */
export class ConfigRenderer {
  readonly #settings: RenderSettings;
  readonly #paths: RenderPaths;
  readonly #templates: string;
  readonly #read: (path: string) => string;
  readonly #mode: string;
  readonly #plan = rememberPlans();

  constructor(settings: Settings, paths: RenderPaths) {
    this.#settings = renderSettings(settings);
    this.#paths = paths;
    this.#templates = settings.paths.templates;
    this.#read = templateReader([settings.paths.templates, ...settings.services.templateFolders]);
    this.#mode = settings.control.mode;
  }

  render(services: readonly ProxyService[], { certificates, tasks, isIdle }: Surroundings): RenderedServices {
    const addresses = services.flatMap(taskHosts).map((host) => [host, tasks(host) ?? []] as const);
    const input = {
      ...this.#common(certificates),
      services,
      tasks: new Map(addresses),
      idle: new Set(addresses.map(([host]) => host).filter(isIdle)),
      snippets: new Map(services.flatMap((service) => this.#snippets(service))),
    };
    return render(input, this.#plan);
  }

  /** A config that serves nobody: no port is open before the routes are known. */
  closed(): Rendered {
    const frontend = { ...this.#settings.frontend, defaultPorts: [], bindPorts: [] };
    const common = this.#common([]);
    return render({
      ...common,
      settings: { ...common.settings, frontend },
      services: [],
      tasks: new Map(),
      snippets: new Map(),
    });
  }

  /** Why the service cannot be rendered: its templates, or values that HAProxy's language has no room for. */
  refuses(service: ProxyService): string | undefined {
    try {
      this.#templatesOf(service);
      return this.render([service], nothingAround).refused.get(service.serviceName);
    } catch (error) {
      return (error as Error).message;
    }
  }

  #common(certificates: readonly string[]) {
    return {
      settings: this.#settings,
      certificates,
      paths: this.#paths,
      generation: 0, // the driver's to say
      nameservers: [],
      userSnippets: { frontend: this.#userFiles("-fe.cfg"), backend: this.#userFiles("-be.cfg") },
    };
  }

  /** A template that was fine and is broken now takes its service's own part out, not everybody's. */
  #snippets(service: ProxyService): [string, Snippets][] {
    if (service.templateFePath === "" && service.templateBePath === "") return [];
    try {
      return [[service.serviceName, this.#templatesOf(service)]];
    } catch {
      return [];
    }
  }

  #templatesOf(service: ProxyService): Snippets {
    if (service.templateFePath === "" && service.templateBePath === "") return {};
    const named = { ...service, aclName: aclNameOf(service) }; // as templates of the original saw it
    const { nameStyle } = this.#settings.services;
    return renderTemplates(serviceJson(named, { mode: this.#mode, nameStyle }), this.#read);
  }

  #userFiles(ending: string) {
    let names: string[];
    try {
      names = readdirSync(this.#templates);
    } catch {
      return []; // no folder, no files
    }
    return names
      .filter((name) => name.endsWith(ending))
      .sort()
      .map((name) => ({ name, text: readFileSync(join(this.#templates, name), "utf8") }));
  }
}

const nothingAround: Surroundings = { certificates: [], tasks: () => undefined, isIdle: () => false };

/** The names whose tasks are the service's servers. */
export const taskHosts = ({ serviceName, sessionType, destinations }: ProxyService): string[] => [
  ...new Set([
    ...(sessionType === "" ? [] : [serviceName]),
    ...destinations.map(({ outboundHostname }) => outboundHostname || serviceName),
  ]),
];

const renderSettings = (settings: Settings): RenderSettings => {
  const { frontend, global, defaults, tls, log, statistics, users, services, control } = settings;
  return {
    services,
    frontend,
    global,
    defaults,
    tls,
    log,
    statistics,
    users,
    driver: { ...driverOptions, accessLog: log.access, reservedPorts: [control.port] },
  };
};
