import { expect, test } from "vitest";
import { goDemo, renderServices, sectionOf, service, settingsWith } from "../test-input.ts";

type Changes = Parameters<typeof settingsWith>[0];
const section = (header: string, changes: Changes = {}) =>
  sectionOf(renderServices([goDemo], { settings: settingsWith(changes) }), header);

test("the global section has HAProxy's sockets, limits and ciphers, and the operator's lines", () => {
  expect(section("global", { global: { extra: ["tune.bufsize 32768"], sslCiphers: "ECDH+AESGCM:!aNULL" } })).toEqual([
    "global",
    "log stdout format raw local0 info",
    "pidfile /run/df/haproxy.pid",
    "stats socket /run/df/haproxy.sock mode 660 level admin expose-fd listeners",
    "stats timeout 30s",
    "setenv DF_GENERATION 17",
    "mworker-max-reloads 1000",
    "hard-stop-after 30m",
    "server-state-file /run/df/haproxy.state",
    "spread-checks 5",
    "httpclient.ssl.verify none",
    "tune.ssl.default-dh-param 2048",
    "tune.bufsize 32768",
    "ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
    "ssl-default-bind-ciphers ECDH+AESGCM:!aNULL",
    "ssl-default-server-options ssl-min-ver TLSv1.2 no-tls-tickets",
    "ssl-default-server-ciphers ECDH+AESGCM:!aNULL",
  ]);
});

test("the operator's TLS options take the place of ours", () => {
  expect(section("global", { global: { sslOptions: "no-sslv3" } })).toContain("ssl-default-bind-options no-sslv3");
});

test("names are resolved by Docker's DNS, or as the operator says", () => {
  expect(section("resolvers docker").at(-1)).toBe("nameserver dns 127.0.0.11:53");
  const lines = ["nameserver one 10.0.0.2:53", "hold valid 5s"];
  expect(section("resolvers docker", { global: { resolvers: lines } }).slice(-2)).toEqual(lines);
});

test("nameservers that are given take the place of Docker's", () => {
  const rendered = renderServices([goDemo], { nameservers: ["10.0.0.2:53", "10.0.0.3:53"] });
  expect(sectionOf(rendered, "resolvers docker").filter((line) => line.startsWith("nameserver"))).toEqual([
    "nameserver dns 10.0.0.2:53",
    "nameserver dns2 10.0.0.3:53",
  ]);
});

test("the more names there are, the less often HAProxy asks for each", () => {
  const many = Array.from({ length: 1000 }, (_, i) => service(`serviceName=s${i}&servicePath=/${i}&port=1`));
  expect(section("resolvers docker")).toContain("timeout resolve 1s");
  expect(sectionOf(renderServices(many), "resolvers docker")).toContain("timeout resolve 5s");
});

test("defaults are fit for a proxy in front of tasks that come and go", () => {
  expect(section("defaults")).toEqual([
    "defaults",
    "mode http",
    "balance roundrobin",
    "option dontlognull",
    "option dontlog-normal",
    "option http-keep-alive",
    "option redispatch 1",
    "retries 4",
    "retry-on conn-failure empty-response",
    "http-reuse safe",
    "load-server-state-from-file global",
    "default-server init-addr last,libc,none",
    "default-server resolvers docker resolve-prefer ipv4",
    "default-server backup",
    "maxconn 5000",
    "timeout connect 1s",
    "timeout client 20s",
    "timeout server 20s",
    "timeout queue 30s",
    "timeout tunnel 3600s",
    "timeout http-request 5s",
    "timeout http-keep-alive 15s",
    "timeout client-fin 10s",
  ]);
});

test("timeouts, connection mode and compression are the operator's", () => {
  const timeouts = { connect: 5, client: 6, server: 7, queue: 8, tunnel: 9, httpRequest: 10, httpKeepAlive: 11 };
  const defaults = {
    connectionMode: "http-server-close",
    compressionAlgo: "gzip",
    compressionType: "text/css",
    timeouts,
  };
  const lines = section("defaults", { defaults });
  expect(lines).toContain("option http-server-close");
  expect(lines.filter((line) => /^(compression|timeout)/.test(line))).toEqual([
    "compression algo gzip",
    "compression type text/css",
    "timeout connect 5s",
    "timeout client 6s",
    "timeout server 7s",
    "timeout queue 8s",
    "timeout tunnel 9s",
    "timeout http-request 10s",
    "timeout http-keep-alive 11s",
    "timeout client-fin 10s",
  ]);
});

test("each error has the page of the operator's folder", () => {
  const input = { pidFile: "/p", adminSocket: "/a", stateFile: "/s", maps: "/m", crtList: "/c" };
  const rendered = renderServices([goDemo], { paths: { ...input, errorFiles: "/errorfiles" } });
  const lines = sectionOf(rendered, "defaults").filter((line) => line.startsWith("errorfile"));
  expect(lines).toEqual(
    [400, 403, 405, 408, 429, 500, 502, 503, 504].map((code) => `errorfile ${code} /errorfiles/${code}.http`),
  );
});

const logging = (changes: Changes) => [
  ...section("defaults", changes).filter((line) => line.startsWith("option dontlog")),
  ...section("frontend services", changes).filter((line) => /log/.test(line)),
];

test("requests are logged with DEBUG, all or only those that fail", () => {
  expect(logging({})).toEqual(["option dontlognull", "option dontlog-normal"]);
  expect(logging({ log: { debug: true } })).toEqual(["option httplog", "log global"]);
  expect(logging({ log: { debug: true, errorsOnly: true } })).toEqual([
    "option dontlog-normal",
    "option httplog",
    "log global",
  ]);
  expect(logging({ log: { debug: true, httpFormat: "%ci %ST" } })).toEqual([
    "option httplog",
    "log global",
    "log-format '%ci %ST'",
  ]);
});

test("the access log is a JSON object for each request", () => {
  const lines = logging({ driver: { accessLog: true } });
  expect(lines.slice(0, 4)).toEqual([
    "option dontlognull",
    "log global",
    "http-request set-var(txn.log_host) req.fhdr(host)",
    "http-request set-var(txn.log_path) path",
  ]);
  expect(lines[4]).toMatch(/^log-format '\{"t":%Ts\.%ms,.*"Ta":%Ta,.*\}'$/);
});

const statistics = { credentials: { user: "ann", password: "a b" }, uri: "/admin?stats", port: undefined };
const page = [
  "stats enable",
  "stats refresh 30s",
  "stats realm Strictly\\ Private",
  "stats uri /admin?stats",
  "stats auth 'ann:a b'",
];

test("statistics are on every frontend, or on a port of their own", () => {
  expect(section("defaults").some((line) => line.startsWith("stats"))).toBe(false);
  expect(section("defaults", { statistics }).slice(-5)).toEqual(page);
  expect(section("defaults", { statistics: { ...statistics, port: 80 } }).slice(-5)).toEqual(page);
  const own = { statistics: { ...statistics, port: 9000 } };
  expect(section("defaults", own).some((line) => line.startsWith("stats"))).toBe(false);
  expect(section("frontend stats", own)).toEqual([
    "frontend stats",
    "bind *:9000",
    "mode http",
    "default_backend stats",
  ]);
  expect(section("backend stats", own)).toEqual(["backend stats", "mode http", ...page]);
});

test("statistics may be for everybody", () => {
  expect(section("defaults", { statistics: { ...statistics, credentials: undefined } }).slice(-4)).toEqual(
    page.slice(0, 4),
  );
});

test("HAProxy's own counters are for this machine only", () => {
  expect(section("frontend internal")).toEqual([
    "frontend internal",
    "bind 127.0.0.1:8403",
    "mode http",
    "http-request use-service prometheus-exporter if { path /metrics }",
    "monitor-uri /healthz",
  ]);
  expect(section("frontend internal", { driver: { internal: undefined } })).toEqual([]);
});

test("a setting that cannot be in the config is the operator's error", () => {
  expect(() => section("global", { global: { extra: ["a\nb"] } })).toThrow(
    'EXTRA_GLOBAL "a\\nb": control characters cannot be part of HAProxy\'s config',
  );
});
