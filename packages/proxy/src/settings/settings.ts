import type { User } from "../service/service.ts";
import type {
  DefaultsSettings,
  FrontendSettings,
  GlobalSettings,
  LogSettings,
  StatisticsSettings,
  TlsSettings,
} from "./haproxy-settings.ts";

/** Everything the proxy can be told by its environment and secrets; read once, frozen, passed down in parts. */
export interface Settings {
  readonly control: ControlSettings;
  readonly instance: InstanceSettings;
  readonly services: ServiceSettings;
  readonly frontend: FrontendSettings;
  readonly global: GlobalSettings;
  readonly defaults: DefaultsSettings;
  readonly tls: TlsSettings;
  readonly log: LogSettings;
  /** Undefined: HAProxy serves no statistics page. */
  readonly statistics: StatisticsSettings | undefined;
  /** `USERS`. Undefined: no authentication. Empty: asked for, but nobody is known, so nobody gets in. */
  readonly users: readonly User[] | undefined;
  readonly reload: ReloadSettings;
  readonly paths: PathSettings;
}

/** The control API. */
export interface ControlSettings {
  /** `IP` */
  readonly address: string;
  /** `PORT` */
  readonly port: number;
  /** `API_TOKEN`: callers send it as a bearer token. Undefined: no token is asked for. */
  readonly token: string | undefined;
  /** `API_NETWORKS`: where the API is reachable; empty for everywhere. */
  readonly networks: readonly ApiNetwork[];
  /** `REDACT`: answers leave out passwords and keys. */
  readonly redact: boolean;
  /** `MODE`, of no effect but in the answers' field `Mode`. */
  readonly mode: string;
  /** `HEALTHCHECK` */
  readonly healthCheck: boolean;
}

/** A subnet (`10.0.9.0/24`) in which this host has an address, or an interface (`eth0`). */
export type ApiNetwork =
  | { readonly kind: "subnet"; readonly subnet: string }
  | { readonly kind: "interface"; readonly name: string };

/** Which proxy this is, among its replicas and among other proxies. */
export interface InstanceSettings {
  /** `SERVICE_NAME`: its own swarm service, found as `tasks.<name>`. */
  readonly serviceName: string;
  /** `PROXY_INSTANCE_NAME` */
  readonly name: string;
  /** `FILTER_PROXY_INSTANCE_NAME`: services for other instances are passed over. */
  readonly onlyOwnServices: boolean;
  /** `LISTENER_ADDRESS`: swarm listeners, as given: `host`, `host:port` or `http://host`. */
  readonly listeners: readonly string[];
  /** `DNS_LOOKUP_PAUSE_MS`, before replicas are asked for certificates. */
  readonly lookupPauseMs: number;
}

/** How the parameters of services are read. */
export interface ServiceSettings {
  /** `SEPARATOR` of lists. */
  readonly separator: string;
  /** `SERVICE_DOMAIN_ALGO`, of services that name none. */
  readonly domainAlgo: string;
  /** `HTTPS_ONLY`, for every service. */
  readonly httpsOnly: boolean;
  /** `CHECK_RESOLVERS`, for every service. */
  readonly checkResolvers: boolean;
  /** `DEFAULT_PROTOCOL`: the `reqMode` of environment services that name none. */
  readonly environmentReqMode: "http" | "tcp" | "sni";
  /** `DISCOVERY_TYPE` of services that name none. */
  readonly discoveryType: "tasks" | "VIP" | "DNS";
  /** `NAME_STYLE`: 2016 gives the first destination no suffix, 2019 gives it `_0`. */
  readonly nameStyle: "2016" | "2019";
  /** `SKIP_ADDRESS_VALIDATION`: false refuses services whose name does not resolve. */
  readonly skipAddressValidation: boolean;
  /** `TEMPLATE_FOLDERS` that services' templates may be in besides `paths.templates`; empty: anywhere but the system's. */
  readonly templateFolders: readonly string[];
}

export interface ReloadSettings {
  /** `RECONFIGURE_ATTEMPTS` */
  readonly reconfigureAttempts: number;
  /** `RELOAD_ATTEMPTS`, per listener when there are several. */
  readonly fetchAttempts: number;
  /** `RELOAD_INTERVAL` between two fetches from a listener. */
  readonly fetchIntervalMs: number;
  /** `REPEAT_RELOAD`: fetching goes on after the first success. */
  readonly repeatFetch: boolean;
  /** `TERMINATE_ON_RELOAD`: old workers do not finish their requests. */
  readonly terminate: boolean;
  /** `DISPLAY_CONFIG_ON_ERROR` */
  readonly showConfigOnError: boolean;
}

/** Absolute paths. */
export interface PathSettings {
  /** `CONFIGS_PATH`, of haproxy.cfg and crt-list.txt. */
  readonly configs: string;
  /** `TEMPLATES_PATH` */
  readonly templates: string;
  /** `CFG_TEMPLATE_PATH`, the operator's base template. */
  readonly baseTemplate: string;
  /** `CERTS_PATH` */
  readonly certificates: string;
  /** `SECRETS_PATH` */
  readonly secrets: string;
  /** `ERRORFILES_PATH`, of `503.http` and others. */
  readonly errorFiles: string;
  /** `RUN_PATH`, of HAProxy's pid file and sockets. */
  readonly run: string;
}
