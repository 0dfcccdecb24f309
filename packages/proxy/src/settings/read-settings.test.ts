import { expect, test } from "vitest";
import { parseContextOf } from "./parse-context.ts";
import { readSettings } from "./read-settings.ts";
import type { Settings } from "./settings.ts";

type Texts = Record<string, string>;
const read = (env: Texts = {}, secrets: Texts = {}) => readSettings(env, (name) => secrets[name]);

test("with nothing set, everything is as in the published image", () => {
  expect(read()).toEqual({
    control: {
      address: "0.0.0.0",
      port: 8080,
      token: undefined,
      networks: [],
      redact: true,
      mode: "default",
      healthCheck: true,
    },
    instance: { serviceName: "proxy", name: "docker-flow", onlyOwnServices: false, listeners: [], lookupPauseMs: 0 },
    services: {
      separator: ",",
      domainAlgo: "hdr_beg(host)",
      httpsOnly: false,
      checkResolvers: false,
      environmentReqMode: "http",
      discoveryType: "tasks",
      nameStyle: "2016",
      skipAddressValidation: true,
      templateFolders: [],
    },
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
      resolveLater: false,
      timeouts: { connect: 1, client: 20, server: 20, queue: 30, tunnel: 3600, httpRequest: 5, httpKeepAlive: 15 },
    },
    tls: { caFile: "", crtListPath: "", http2: true, preferred: [] },
    log: { debug: false, access: false, errorsOnly: false, httpFormat: "", tcpFormat: "" },
    statistics: undefined,
    users: undefined,
    reload: {
      reconfigureAttempts: 20,
      fetchAttempts: 5,
      fetchIntervalMs: 5000,
      repeatFetch: false,
      terminate: false,
      showConfigOnError: false,
    },
    paths: {
      configs: "/cfg",
      templates: "/cfg/tmpl",
      baseTemplate: "/cfg/tmpl/haproxy.tmpl",
      certificates: "/certs",
      secrets: "/run/secrets",
      errorFiles: "/errorfiles",
      run: "/var/run",
    },
  });
});

test("empty variables count as not set, as the image sets many of them", () => {
  const empty = ["CAPTURE_REQUEST_HEADER", "STATS_USER", "TIMEOUT_CLIENT", "DEBUG", "SEPARATOR", "USERS", "PORT"];
  expect(read(Object.fromEntries(empty.map((name) => [name, ""])))).toEqual(read());
});

/** Each variable, a value, where it shows. */
const variables: [string, string, (settings: Settings) => unknown, unknown][] = [
  ["IP", "127.0.0.1", ({ control }) => control.address, "127.0.0.1"],
  ["PORT", "8081", ({ control }) => control.port, 8081],
  ["API_TOKEN", " s3cret ", ({ control }) => control.token, "s3cret"],
  [
    "API_NETWORKS",
    "10.0.9.0/24, eth0,::1",
    ({ control }) => control.networks,
    [
      { kind: "subnet", subnet: "10.0.9.0/24" },
      { kind: "interface", name: "eth0" },
      { kind: "subnet", subnet: "::1/128" },
    ],
  ],
  ["REDACT", "false", ({ control }) => control.redact, false],
  ["MODE", "swarm", ({ control }) => control.mode, "swarm"],
  ["HEALTHCHECK", "false", ({ control }) => control.healthCheck, false],
  ["SERVICE_NAME", "stack_proxy", ({ instance }) => instance.serviceName, "stack_proxy"],
  ["PROXY_INSTANCE_NAME", "outer", ({ instance }) => instance.name, "outer"],
  ["FILTER_PROXY_INSTANCE_NAME", "true", ({ instance }) => instance.onlyOwnServices, true],
  [
    "LISTENER_ADDRESS",
    "swarm-listener,other:8081,http://third",
    ({ instance }) => instance.listeners,
    ["swarm-listener", "other:8081", "http://third"],
  ],
  ["DNS_LOOKUP_PAUSE_MS", "250", ({ instance }) => instance.lookupPauseMs, 250],
  ["SEPARATOR", " | ", ({ services }) => services.separator, " | "],
  ["SERVICE_DOMAIN_ALGO", "hdr(host)", ({ services }) => services.domainAlgo, "hdr(host)"],
  ["HTTPS_ONLY", "TRUE", ({ services }) => services.httpsOnly, true],
  ["CHECK_RESOLVERS", "1", ({ services, defaults }) => [services.checkResolvers, defaults.resolveLater], [true, true]],
  [
    "DO_NOT_RESOLVE_ADDR",
    "true",
    ({ services, defaults }) => [services.checkResolvers, defaults.resolveLater],
    [false, true],
  ],
  ["DEFAULT_PROTOCOL", "TCP", ({ services }) => services.environmentReqMode, "tcp"],
  ["DISCOVERY_TYPE", "vip", ({ services }) => services.discoveryType, "VIP"],
  ["NAME_STYLE", "2019", ({ services }) => services.nameStyle, "2019"],
  ["SKIP_ADDRESS_VALIDATION", "false", ({ services }) => services.skipAddressValidation, false],
  ["TEMPLATE_FOLDERS", "/cfg/tmpl,/a/../b", ({ services }) => services.templateFolders, ["/cfg/tmpl", "/b"]],
  [
    "DEFAULT_PORTS",
    "80,443 accept-proxy:ssl",
    ({ frontend }) => frontend.defaultPorts,
    [
      { port: "80", options: "", ssl: false },
      { port: "443", options: "accept-proxy", ssl: true },
    ],
  ],
  [
    "BIND_PORTS",
    "8000-8010 transparent, 8443:ssl strict-sni",
    ({ frontend }) => frontend.bindPorts,
    [
      { port: "8000-8010", options: "transparent", ssl: false },
      { port: "8443", options: "strict-sni", ssl: true },
    ],
  ],
  ["DEFAULT_REQ_MODE", "tcp", ({ frontend }) => frontend.mode, "tcp"],
  ["EXTRA_FRONTEND", "option httplog, maxconn 10", ({ frontend }) => frontend.extra, ["option httplog", "maxconn 10"]],
  [
    "CAPTURE_REQUEST_HEADER",
    "User-Agent:128,Host:64",
    ({ frontend }) => frontend.captures,
    [
      { name: "User-Agent", length: 128 },
      { name: "Host", length: 64 },
    ],
  ],
  [
    "TRUSTED_PROXIES",
    "10.0.0.0/8,192.0.2.1",
    ({ frontend }) => frontend.trustedProxies,
    ["10.0.0.0/8", "192.0.2.1/32"],
  ],
  ["ACCEPT_PROXY_PORTS", "80, 443", ({ frontend }) => frontend.acceptProxyPorts, [80, 443]],
  ["HSTS", "true", ({ frontend }) => frontend.hsts, "max-age=31536000"],
  ["EXTRA_GLOBAL", "maxconn 10,\n nbthread 2\n", ({ global }) => global.extra, ["maxconn 10", "nbthread 2"]],
  [
    "RESOLVERS",
    "nameserver a 10.0.0.1:53,hold valid 1s",
    ({ global }) => global.resolvers,
    ["nameserver a 10.0.0.1:53", "hold valid 1s"],
  ],
  ["SSL_BIND_CIPHERS", "HIGH:!aNULL", ({ global }) => global.sslCiphers, "HIGH:!aNULL"],
  [
    "SSL_BIND_OPTIONS",
    "ssl-min-ver TLSv1.2 no-tls-tickets",
    ({ global }) => global.sslOptions,
    "ssl-min-ver TLSv1.2 no-tls-tickets",
  ],
  ["CONNECTION_MODE", "forceclose", ({ defaults }) => defaults.connectionMode, "httpclose"],
  ["COMPRESSION_ALGO", "gzip", ({ defaults }) => defaults.compressionAlgo, "gzip"],
  ["COMPRESSION_TYPE", "text/css text/html", ({ defaults }) => defaults.compressionType, "text/css text/html"],
  ["TIMEOUT_CONNECT", "7", ({ defaults }) => defaults.timeouts.connect, 7],
  ["TIMEOUT_CLIENT", "2", ({ defaults }) => defaults.timeouts.client, 2],
  ["TIMEOUT_SERVER", "3", ({ defaults }) => defaults.timeouts.server, 3],
  ["TIMEOUT_QUEUE", "4", ({ defaults }) => defaults.timeouts.queue, 4],
  ["TIMEOUT_TUNNEL", "6", ({ defaults }) => defaults.timeouts.tunnel, 6],
  ["TIMEOUT_HTTP_REQUEST", "7", ({ defaults }) => defaults.timeouts.httpRequest, 7],
  ["TIMEOUT_HTTP_KEEP_ALIVE", "8", ({ defaults }) => defaults.timeouts.httpKeepAlive, 8],
  ["CA_FILE", "/certs/ca.pem", ({ tls }) => tls.caFile, "/certs/ca.pem"],
  ["CRT_LIST_PATH", "/my/list", ({ tls }) => tls.crtListPath, "/my/list"],
  ["ENABLE_H2", "false", ({ tls }) => tls.http2, false],
  ["PREFERRED_CERTIFICATE", "*.x.com,main*", ({ tls }) => tls.preferred, ["*.x.com", "main*"]],
  ["DEBUG", "true", ({ log }) => log.debug, true],
  ["RETRY_ON", "conn-failure", ({ defaults }) => defaults.retryOn, "conn-failure"],
  ["ACCESS_LOG", "true", ({ log }) => log.access, true],
  ["DEBUG_ERRORS_ONLY", "true", ({ log }) => log.errorsOnly, true],
  ["DEBUG_HTTP_FORMAT", "%ci %ST", ({ log }) => log.httpFormat, "%ci %ST"],
  ["DEBUG_TCP_FORMAT", "%ci", ({ log }) => log.tcpFormat, "%ci"],
  ["USERS", "ann:a,bob", ({ users }) => users, [{ username: "ann", password: "a", encrypted: false }]],
  ["RECONFIGURE_ATTEMPTS", "3", ({ reload }) => reload.reconfigureAttempts, 3],
  ["RELOAD_ATTEMPTS", "4", ({ reload }) => reload.fetchAttempts, 4],
  ["RELOAD_INTERVAL", "100", ({ reload }) => reload.fetchIntervalMs, 100],
  ["REPEAT_RELOAD", "true", ({ reload }) => reload.repeatFetch, true],
  ["TERMINATE_ON_RELOAD", "true", ({ reload }) => reload.terminate, true],
  ["DISPLAY_CONFIG_ON_ERROR", "true", ({ reload }) => reload.showConfigOnError, true],
  ["CONFIGS_PATH", "/tmp/x", ({ paths }) => [paths.configs, paths.templates], ["/tmp/x", "/tmp/x/tmpl"]],
  ["TEMPLATES_PATH", "/t", ({ paths }) => [paths.templates, paths.baseTemplate], ["/t", "/t/haproxy.tmpl"]],
  ["CFG_TEMPLATE_PATH", "my.tmpl", ({ paths }) => paths.baseTemplate, "/cfg/tmpl/my.tmpl"],
  ["CERTS_PATH", "/c", ({ paths }) => paths.certificates, "/c"],
  ["SECRETS_PATH", "/s", ({ paths }) => paths.secrets, "/s"],
  ["ERRORFILES_PATH", "/e", ({ paths }) => paths.errorFiles, "/e"],
  ["RUN_PATH", "/r", ({ paths }) => paths.run, "/r"],
];

test.each(variables)("%s=%s", (name, value, part, expected) => {
  expect(part(read({ [name]: value }))).toEqual(expected);
});

test.each(variables)(
  "secret dfp_%s wins over the variable, without the line end after it",
  (name, value, part, expected) => {
    expect(part(read({ [name]: "0" }, { [`dfp_${name.toLowerCase()}`]: `${value}\n` }))).toEqual(expected);
  },
);

test("CERTS is obsolete, and unknown variables are none of ours", () => {
  expect(read({ CERTS: "x\ny", HOME: "/root" })).toEqual(read());
});

test("an absolute base template is taken as it is", () => {
  expect(read({ CFG_TEMPLATE_PATH: "/my/base.tmpl" }).paths.baseTemplate).toBe("/my/base.tmpl");
});

test("statistics need user and password; STATS_PORT gives them a frontend of their own unless it is 80", () => {
  expect(read({ STATS_USER: "ann" }).statistics).toBeUndefined();
  expect(read({ STATS_PASS: "p" }).statistics).toBeUndefined();
  expect(read({ STATS_USER: "ann", STATS_PASS: "p" }).statistics).toEqual({
    credentials: { user: "ann", password: "p" },
    uri: "/admin?stats",
    port: undefined,
  });
  expect(read({ STATS_USER: "none", STATS_PASS: "None", STATS_URI: "/s", STATS_PORT: "9000" }).statistics).toEqual({
    credentials: undefined,
    uri: "/s",
    port: 9000,
  });
  expect(read({ STATS_USER: "a", STATS_PASS: "b", STATS_PORT: "80" }).statistics?.port).toBeUndefined();
});

test("variables of other names may hold user, password and URI of the statistics, as secrets too", () => {
  const env = {
    STATS_USER_ENV: "MY_USER",
    STATS_PASS_ENV: "MY_PASS",
    STATS_URI_ENV: "MY_URI",
    MY_USER: "u",
    MY_URI: "/m",
  };
  expect(read(env, { dfp_my_pass: "p\n" }).statistics).toEqual({
    credentials: { user: "u", password: "p" },
    uri: "/m",
    port: undefined,
  });
});

test("global users without a password are passed over, and when none is left nobody gets in", () => {
  expect(read({ USERS: "ann:$5$x\nbob:b", USERS_PASS_ENCRYPTED: "true" }).users).toEqual([
    { username: "ann", password: "$5$x", encrypted: true },
    { username: "bob", password: "b", encrypted: true },
  ]);
  expect(read({ USERS: "ann" }).users).toEqual([]);
});

test.each([
  ["0", "max-age=0"],
  ["63072000", "max-age=63072000"],
  ["max-age=1; includeSubDomains; preload", "max-age=1; includeSubDomains; preload"],
  ["off", undefined],
])("HSTS=%s", (value, expected) => {
  expect(read({ HSTS: value }).frontend.hsts).toBe(expected);
});

test("settings cannot be changed", () => {
  const settings = read({ USERS: "ann:a" });
  expect(Object.isFrozen(settings.frontend.defaultPorts[0])).toBe(true);
  expect(Object.isFrozen(settings.users)).toBe(true);
});

test("what services are read with comes from the settings", () => {
  const secrets = { dfp_users: "ann:a", dfp_users_x: "bob:b" };
  const readSecret = (name: string) => (secrets as Texts)[name];
  const context = parseContextOf(read({ SEPARATOR: ";", HTTPS_ONLY: "true" }, secrets), readSecret);
  expect(context).toMatchObject({
    separator: ";",
    httpsOnly: true,
    serviceDomainAlgo: "hdr_beg(host)",
    globalUsers: [{ username: "ann" }],
    environmentReqMode: "http",
    templateFolders: [],
  });
  expect(context.readSecret("dfp_users_x")).toBe("bob:b");
});

test("where templates are kept to certain folders, the proxy's own is one of them", () => {
  const context = parseContextOf(read({ TEMPLATE_FOLDERS: "/my" }), () => undefined);
  expect(context.templateFolders).toEqual(["/cfg/tmpl", "/my"]);
});
