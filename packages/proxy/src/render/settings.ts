import type { User } from "../service/service.ts";
import type {
  DefaultsSettings,
  FrontendSettings,
  GlobalSettings,
  LogSettings,
  StatisticsSettings,
  TlsSettings,
} from "../settings/haproxy-settings.ts";
import type { ServiceSettings } from "../settings/settings.ts";

/** Settings of the proxy that show in haproxy.cfg; lines and phrases are HAProxy's language, and the operator's. */
export interface RenderSettings {
  readonly services: Pick<ServiceSettings, "domainAlgo" | "checkResolvers" | "discoveryType" | "nameStyle">;
  readonly frontend: FrontendSettings;
  readonly global: GlobalSettings;
  readonly defaults: Omit<DefaultsSettings, "resolveLater">;
  readonly tls: Omit<TlsSettings, "preferred">;
  readonly log: Omit<LogSettings, "access">;
  /** Undefined: no statistics page. */
  readonly statistics: StatisticsSettings | undefined;
  /** For every service without users of its own. Undefined: nobody is asked. Empty: nobody gets in. */
  readonly users: readonly User[] | undefined;
  readonly driver: DriverOptions;
}

/** What no variable of the original says. */
export interface DriverOptions {
  /** Where `/metrics` of HAProxy itself and `/healthz` are served, `127.0.0.1:8403`; undefined for nowhere. */
  readonly internal: string | undefined;
  /** A JSON line for each request, see `access-log.ts`; `DEBUG_HTTP_FORMAT` wins over it. */
  readonly accessLog: boolean;
  /** Old workers that may be left over by reloads. */
  readonly maxReloads: number;
  /** How long an old worker may go on with its connections, `30m`. */
  readonly hardStopAfter: string;
  /** How often a request that did not reach a server is tried again, on another server if there is one. */
  readonly retries: number;
  /** Connections of one frontend. */
  readonly maxConnections: number;
  /** Largest announced body of a request, bytes; 0 for any. */
  readonly maxBodyBytes: number;
  /** Ports of this machine or container that no service may listen on: the control API's. */
  readonly reservedPorts: readonly number[];
  /** How a server's name leads to an address at start. `last,none` never waits for DNS. */
  readonly initAddr: string;
}

/** As skep-proxy has them. */
export const driverOptions: DriverOptions = {
  internal: "127.0.0.1:8403",
  accessLog: false,
  maxReloads: 1000, // reloads, not workers: the driver bounds those
  hardStopAfter: "30m",
  retries: 4,
  maxConnections: 5000,
  maxBodyBytes: 0,
  reservedPorts: [],
  initAddr: "last,libc,none",
};
