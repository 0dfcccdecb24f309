import * as check from "../service/checks.ts";
import { connectionModes } from "../service/parameters.ts";
import { readSubnets } from "./addresses.ts";
import { readBindPorts, readCaptures, readPorts } from "./bind-ports.ts";
import type {
  DefaultsSettings,
  FrontendSettings,
  GlobalSettings,
  LogSettings,
  StatisticsSettings,
  TimeoutSettings,
  TlsSettings,
} from "./haproxy-settings.ts";
import type { Variables } from "./variables.ts";

export const readFrontend = (variables: Variables): FrontendSettings => ({
  defaultPorts: readBindPorts(variables, "DEFAULT_PORTS", "80,443:ssl"),
  bindPorts: readBindPorts(variables, "BIND_PORTS", ""),
  mode: variables.choice("DEFAULT_REQ_MODE", ["http", "tcp"], "http"),
  extra: variables.lines("EXTRA_FRONTEND"),
  captures: readCaptures(variables),
  trustedProxies: readSubnets(variables, "TRUSTED_PROXIES"),
  acceptProxyPorts: readPorts(variables, "ACCEPT_PROXY_PORTS"),
  hsts: readHsts(variables),
});

/** `true` is a year; a number is seconds; else the header's value. */
function readHsts(variables: Variables): string | undefined {
  const value = variables.text("HSTS");
  if (/^(false|off|no)?$/i.test(value)) return undefined;
  if (/^(true|on|yes)$/i.test(value)) return "max-age=31536000";
  if (/^\d{1,10}$/.test(value)) return `max-age=${value}`;
  return /^max-age=\d{1,10}(; ?(includeSubDomains|preload))*$/i.test(value)
    ? value
    : variables.refuse("HSTS", value, "true, false, seconds or a value such as max-age=31536000; includeSubDomains");
}

const ciphers =
  "ECDH+AESGCM:ECDH+CHACHA20:DH+AESGCM:ECDH+AES256:DH+AES256:ECDH+AES128:DH+AES:RSA+AESGCM:RSA+AES:!aNULL:!MD5:!DSS";

export const readGlobal = (variables: Variables): GlobalSettings => ({
  extra: variables.lines("EXTRA_GLOBAL"),
  resolvers: variables.lines("RESOLVERS", "nameserver dns 127.0.0.11:53"),
  sslCiphers: variables.matching("SSL_BIND_CIPHERS", /^\S+$/, "ciphers, separated by colons", ciphers),
  sslOptions: variables.text("SSL_BIND_OPTIONS", "ssl-min-ver TLSv1.2 no-tls-tickets"),
});

export const readDefaults = (variables: Variables): DefaultsSettings => ({
  connectionMode:
    connectionModes[
      variables.choice(
        "CONNECTION_MODE",
        Object.keys(connectionModes) as (keyof typeof connectionModes)[],
        "http-keep-alive",
      )
    ],
  compressionAlgo: variables.checked("COMPRESSION_ALGO", check.checkCompressionAlgo),
  compressionType: variables.checked("COMPRESSION_TYPE", check.checkCompressionType),
  retryOn: variables.matching(
    "RETRY_ON",
    /^[a-z0-9-]+( [a-z0-9-]+)*$/,
    "conditions of HAProxy's retry-on",
    "conn-failure empty-response",
  ),
  resolveLater: variables.flag("CHECK_RESOLVERS", false) || variables.flag("DO_NOT_RESOLVE_ADDR", false),
  timeouts: readTimeouts(variables),
});

function readTimeouts(variables: Variables): TimeoutSettings {
  const seconds = (name: string, otherwise: number) =>
    variables.integer(`TIMEOUT_${name}`, otherwise, { min: 0, max: 2_147_483 });
  return {
    connect: seconds("CONNECT", 1),
    client: seconds("CLIENT", 20),
    server: seconds("SERVER", 20),
    queue: seconds("QUEUE", 30),
    tunnel: seconds("TUNNEL", 3600),
    httpRequest: seconds("HTTP_REQUEST", 5),
    httpKeepAlive: seconds("HTTP_KEEP_ALIVE", 15),
  };
}

export const readTls = (variables: Variables): TlsSettings => ({
  caFile: variables.path("CA_FILE", ""),
  crtListPath: variables.path("CRT_LIST_PATH", ""),
  http2: variables.flag("ENABLE_H2", true),
  preferred: variables.list("PREFERRED_CERTIFICATE"),
});

export const readLog = (variables: Variables): LogSettings => ({
  debug: variables.flag("DEBUG", false),
  access: variables.flag("ACCESS_LOG", false),
  errorsOnly: variables.flag("DEBUG_ERRORS_ONLY", false),
  httpFormat: variables.text("DEBUG_HTTP_FORMAT"),
  tcpFormat: variables.text("DEBUG_TCP_FORMAT"),
});

/** The operator may name the variables that hold user, password and URI. Throws SettingsError, as all here. */
export function readStatistics(variables: Variables): StatisticsSettings | undefined {
  const valueNamedBy = (name: string) => variables.text(variables.text(`${name}_ENV`, name));
  const user = valueNamedBy("STATS_USER");
  const password = valueNamedBy("STATS_PASS");
  if (user === "" || password === "") return undefined;
  const isOpen = [user, password].some((text) => text.toLowerCase() === "none");
  const uri = valueNamedBy("STATS_URI") || "/admin?stats";
  if (!/^\/\S*$/.test(uri)) variables.refuse("STATS_URI", uri, "a path without blanks");
  const port = variables.port("STATS_PORT", 80);
  return { credentials: isOpen ? undefined : { user, password }, uri, port: port === 80 ? undefined : port };
}
