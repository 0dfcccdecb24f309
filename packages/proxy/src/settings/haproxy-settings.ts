/** `frontend services` and who may speak to it. */
export interface FrontendSettings {
  /** `DEFAULT_PORTS`, left out when there are services and none is http. */
  readonly defaultPorts: readonly BindPort[];
  /** `BIND_PORTS` */
  readonly bindPorts: readonly BindPort[];
  /** `DEFAULT_REQ_MODE` */
  readonly mode: "http" | "tcp";
  /** `EXTRA_FRONTEND`, lines. */
  readonly extra: readonly string[];
  /** `CAPTURE_REQUEST_HEADER` */
  readonly captures: readonly CapturedHeader[];
  /** `TRUSTED_PROXIES`: subnets whose `X-Forwarded-For` is kept. */
  readonly trustedProxies: readonly string[];
  /** `ACCEPT_PROXY_PORTS`: ports on which clients speak the PROXY protocol, of any frontend. */
  readonly acceptProxyPorts: readonly number[];
  /** `HSTS`: the value of `Strict-Transport-Security` on TLS; undefined for none. */
  readonly hsts: string | undefined;
}

/** `443 accept-proxy:ssl` → port `443`, options `accept-proxy`, ssl. */
export interface BindPort {
  /** A port or a range of them, `8000-8010`. */
  readonly port: string;
  /** What else stands on the bind line, without the certificates' options; may be empty. */
  readonly options: string;
  /** The certificates' options are wanted. */
  readonly ssl: boolean;
}

export interface CapturedHeader {
  readonly name: string;
  readonly length: number;
}

/** Section `global`, and `resolvers docker`. */
export interface GlobalSettings {
  /** `EXTRA_GLOBAL`, lines. */
  readonly extra: readonly string[];
  /** `RESOLVERS`, lines. */
  readonly resolvers: readonly string[];
  /** `SSL_BIND_CIPHERS` */
  readonly sslCiphers: string;
  /** `SSL_BIND_OPTIONS` */
  readonly sslOptions: string;
}

/** Section `defaults`. */
export interface DefaultsSettings {
  /** `CONNECTION_MODE` */
  readonly connectionMode: string;
  /** `COMPRESSION_ALGO`, empty for none. */
  readonly compressionAlgo: string;
  /** `COMPRESSION_TYPE` */
  readonly compressionType: string;
  /** `RETRY_ON`: when a request goes to another server. */
  readonly retryOn: string;
  /** `CHECK_RESOLVERS` or `DO_NOT_RESOLVE_ADDR`: names that do not resolve do not make the config invalid. */
  readonly resolveLater: boolean;
  readonly timeouts: TimeoutSettings;
}

/** `TIMEOUT_*`, seconds. */
export interface TimeoutSettings {
  readonly connect: number;
  readonly client: number;
  readonly server: number;
  readonly queue: number;
  readonly tunnel: number;
  readonly httpRequest: number;
  readonly httpKeepAlive: number;
}

export interface TlsSettings {
  /** `CA_FILE` that clients' certificates are verified with; empty for no verification. */
  readonly caFile: string;
  /** `CRT_LIST_PATH`: the operator's own list; empty for ours. */
  readonly crtListPath: string;
  /** `ENABLE_H2` */
  readonly http2: boolean;
  /** `PREFERRED_CERTIFICATE`: globs of certificates that come first. */
  readonly preferred: readonly string[];
}

/** Requests' log: off unless `debug`. */
export interface LogSettings {
  /** `DEBUG` */
  readonly debug: boolean;
  /** `ACCESS_LOG`: a JSON line for each request, with its times. */
  readonly access: boolean;
  /** `DEBUG_ERRORS_ONLY` */
  readonly errorsOnly: boolean;
  /** `DEBUG_HTTP_FORMAT`, empty for HAProxy's. */
  readonly httpFormat: string;
  /** `DEBUG_TCP_FORMAT`, empty for HAProxy's. */
  readonly tcpFormat: string;
}

export interface StatisticsSettings {
  /** Undefined: for everybody (user and password `none`). */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  readonly uri: string;
  /** `STATS_PORT`: a frontend of its own. Undefined: on every HTTP frontend. */
  readonly port: number | undefined;
}
