import type { User } from "../service/service.ts";

/** Settings of the proxy that show in haproxy.cfg; lines and phrases are HAProxy's language, and the operator's. */
export interface RenderSettings {
  readonly services: ServiceDefaults;
  readonly frontend: FrontendOptions;
  readonly global: GlobalOptions;
  readonly defaults: DefaultsOptions;
  readonly tls: TlsOptions;
  readonly log: LogOptions;
  /** Undefined: no statistics page. */
  readonly statistics: StatisticsOptions | undefined;
  /** For every service without users of its own. Undefined: nobody is asked. Empty: nobody gets in. */
  readonly users: readonly User[] | undefined;
  readonly driver: DriverOptions;
}

/** For services that do not say. */
export interface ServiceDefaults {
  /** `hdr_beg(host)` */
  readonly domainAlgo: string;
  readonly checkResolvers: boolean;
  /** `tasks`, `VIP` or `DNS`. */
  readonly discoveryType: string;
  /** 2016: the first destination's names have no suffix (`url_go-demo8080`). 2019: they end in `_0`. */
  readonly nameStyle: "2016" | "2019";
}

export interface FrontendOptions {
  /** Of `frontend services`; left out when there are services and none is http. */
  readonly defaultPorts: readonly BindOptions[];
  readonly bindPorts: readonly BindOptions[];
  readonly mode: "http" | "tcp";
  /** Lines. */
  readonly extra: readonly string[];
  readonly captures: readonly { readonly name: string; readonly length: number }[];
  /** Subnets whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  readonly trustedProxies: readonly string[];
  /** Ports of any frontend on which clients speak the PROXY protocol. */
  readonly acceptProxyPorts: readonly number[];
  /** Value of Strict-Transport-Security, undefined for none. */
  readonly hsts: string | undefined;
}

export interface BindOptions {
  /** `443`, or a range `8000-8010`. */
  readonly port: string;
  /** Words of HAProxy's `bind`, may be empty. */
  readonly options: string;
  /** With the certificates, as soon as there are some. */
  readonly ssl: boolean;
}

export interface GlobalOptions {
  /** Lines. */
  readonly extra: readonly string[];
  /** Lines of section `resolvers docker`. */
  readonly resolvers: readonly string[];
  readonly sslCiphers: string;
  /** `ssl-min-ver TLSv1.2 no-tls-tickets` */
  readonly sslOptions: string;
}

export interface DefaultsOptions {
  readonly connectionMode: string;
  /** Empty for no compression. */
  readonly compressionAlgo: string;
  readonly compressionType: string;
  /** When a request goes to another server: `conn-failure empty-response`. What has been sent is kept for that, which costs. */
  readonly retryOn: string;
  /** Seconds. */
  readonly timeouts: {
    readonly connect: number;
    readonly client: number;
    readonly server: number;
    readonly queue: number;
    readonly tunnel: number;
    readonly httpRequest: number;
    readonly httpKeepAlive: number;
  };
}

export interface TlsOptions {
  /** Clients' certificates are verified with it; empty for no verification. */
  readonly caFile: string;
  /** The operator's own list of certificates; empty for `RenderPaths.crtList`. */
  readonly crtListPath: string;
  readonly http2: boolean;
}

/** Requests are logged to stdout when `debug` or `accessLog` of the driver is on. */
export interface LogOptions {
  readonly debug: boolean;
  readonly errorsOnly: boolean;
  /** Log formats; empty for HAProxy's `httplog` and `tcplog`. */
  readonly httpFormat: string;
  readonly tcpFormat: string;
}

export interface StatisticsOptions {
  /** Undefined: for everybody. */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  readonly uri: string;
  /** Undefined, or 80: on every HTTP frontend. */
  readonly port: number | undefined;
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

/** What is asked for when nothing is asked for. */
export const defaultRenderSettings: RenderSettings = {
  services: { domainAlgo: "hdr_beg(host)", checkResolvers: false, discoveryType: "tasks", nameStyle: "2016" },
  frontend: {
    defaultPorts: [
      { port: "80", options: "", ssl: false },
      { port: "443", options: "", ssl: true },
    ],
    bindPorts: [],
    mode: "http",
    extra: [],
    captures: [],
    trustedProxies: [],
    acceptProxyPorts: [],
    hsts: undefined,
  },
  global: {
    extra: [],
    resolvers: ["nameserver dns 127.0.0.11:53"],
    sslCiphers:
      "ECDH+AESGCM:ECDH+CHACHA20:DH+AESGCM:ECDH+AES256:DH+AES256:ECDH+AES128:DH+AES:RSA+AESGCM:RSA+AES:!aNULL:!MD5:!DSS",
    sslOptions: "ssl-min-ver TLSv1.2 no-tls-tickets",
  },
  defaults: {
    connectionMode: "http-keep-alive",
    compressionAlgo: "",
    compressionType: "",
    retryOn: "conn-failure empty-response",
    timeouts: { connect: 1, client: 20, server: 20, queue: 30, tunnel: 3600, httpRequest: 5, httpKeepAlive: 15 },
  },
  tls: { caFile: "", crtListPath: "", http2: true },
  log: { debug: false, errorsOnly: false, httpFormat: "", tcpFormat: "" },
  statistics: undefined,
  users: undefined,
  driver: {
    internal: "127.0.0.1:8403",
    accessLog: false,
    maxReloads: 1000, // reloads, not workers: the driver bounds those
    hardStopAfter: "30m",
    retries: 4,
    maxConnections: 5000,
    maxBodyBytes: 0,
    reservedPorts: [],
    initAddr: "last,libc,none",
  },
};
