import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "@skep/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RenderedService, RenderInput } from "../src/render/input.ts";
import { goDemo, inputOf, renderServices, service, settingsWith } from "../src/render/test-input.ts";
import { blamedServices } from "../src/runtime/alerts.ts";
import { withNames } from "../src/runtime/config-files.ts";
import { checkConfig } from "../src/runtime/index.ts";
import type { Destination, ReqMode } from "../src/service/service.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp("/tmp/skep-render-");
});
afterAll(() => rm(folder, { recursive: true }));

/** Names are not resolved: there is no DNS for a test. */
const settings = settingsWith({ driver: { initAddr: "last,none" } });

/** What HAProxy has against the config; undefined for nothing. */
async function complaint(services: readonly RenderedService[], changes: Partial<RenderInput> = {}) {
  const input = inputOf(services, { settings, ...changes });
  const rendered = renderServices(services, { ...input, paths: { ...input.paths, maps: folder } });
  for (const [path, text] of rendered.files) await writeFile(join(folder, path.split("/").at(-1) ?? ""), text);
  const names = new Map([...rendered.files.keys()].map((path) => [path, join(folder, path.split("/").at(-1) ?? "")]));
  const path = join(folder, "haproxy.cfg");
  await writeFile(path, withNames(rendered.config, names));
  const signal = AbortSignal.timeout(20_000);
  const failure = await checkConfig({ binary: "haproxy", path, shownAs: "haproxy.cfg", timeoutMs: 20_000, signal });
  const lines = rendered.config.split("\n");
  return (
    failure && {
      alerts: failure.alerts.map(({ message, lines: at }) => `${message}: ${at.map((line) => lines[line - 1])}`),
      blamed: [...new Set(failure.alerts.flatMap((alert) => blamedServices(alert, rendered)))],
    }
  );
}

const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));

/** What means something in haproxy.cfg, or has meant something to a parser somewhere. */
const words = String.raw`
  a'b a"b a\ \ # a#b $HOME \${HOME} "$HOME" % 100% %[src] %% %z { } if unless or || ! -f -i -- - /etc/passwd ~ é 💥 ] [ ( )
  , a,b ; https default global .if 0 unix@/run/x /run/df/haproxy.sock fd@3 ::1 \x0a \n .. * a.*b`
  .trim()
  .split(/\s+/);
const hostile = fc.oneof(
  { weight: 30, arbitrary: fc.string({ unit: fc.constantFrom(...printable), maxLength: 20 }) },
  { weight: 10, arbitrary: fc.string({ unit: "grapheme", maxLength: 20 }) },
  { weight: 50, arbitrary: fc.constantFrom(...words, "a b", "{ src 1.2.3.4 }", "backend evil", "a".repeat(9000)) },
  { weight: 1, arbitrary: fc.constantFrom("a\nb", "a\n    server evil 192.0.2.1:80", "\u0000", "\t", "\r\n") },
);
const list = fc.array(hostile, { maxLength: 3 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>, otherwise: T) =>
  fc.oneof({ arbitrary, weight: 1 }, { arbitrary: fc.constant(otherwise), weight: 40 });

/** Text whose characters stand for themselves in a regular expression. */
const literal = hostile.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));

const destination = fc.record({
  index: fc.nat(3),
  port: maybe(hostile, "8080"),
  httpsPort: maybe(fc.integer(), 0),
  srcPort: maybe(fc.constantFrom(80, 70_000), 0),
  srcHttpsPort: fc.constantFrom(0, 443),
  reqMode: fc.constantFrom<ReqMode>("http", "http", "http", "tcp", "sni"),
  servicePath: list,
  servicePathExclude: maybe(list, []),
  pathType: fc.constantFrom("", "path_beg", "path_end", "path", "hdr(host),lower -m beg"),
  serviceDomain: maybe(list, []),
  serviceHeader: maybe(fc.dictionary(hostile, hostile, { maxKeys: 3 }), {}),
  userAgent: maybe(list, []),
  allowedMethods: maybe(list, []),
  deniedMethods: maybe(list, []),
  denyHttp: fc.boolean(),
  httpsOnly: fc.boolean(),
  httpsRedirectCode: maybe(hostile, ""),
  ignoreAuthorization: fc.boolean(),
  outboundHostname: maybe(hostile, ""),
  redirectFromDomain: maybe(list, []),
  rewrites: maybe(fc.array(fc.record({ search: literal, replace: hostile }), { maxLength: 2 }), []),
  sslVerifyNone: fc.boolean(),
  timeoutServer: maybe(hostile, ""),
  timeoutClient: maybe(hostile, ""),
  timeoutTunnel: maybe(hostile, ""),
  checkTcp: fc.boolean(),
  clitcpka: fc.boolean(),
  serviceGroup: maybe(hostile, ""),
  balanceGroup: fc.constantFrom("", "leastconn", "source"),
  userDef: hostile,
  verifyClientSsl: fc.boolean(),
  maxConn: maybe(fc.integer(), 0),
  allowedSrc: maybe(list, []),
  deniedSrc: maybe(list, []),
});

const items = (arbitrary: fc.Arbitrary<string>) => maybe(fc.array(arbitrary, { maxLength: 2 }), []);
/** `Name "value"`, quoted as whoever asks for it has to. */
const header = fc.tuple(hostile, hostile).map(([name, text]) => `${name} "${text.replace(/["\\$]/g, "\\$&")}"`);
const user = fc.record({ username: hostile, password: hostile, encrypted: maybe(fc.constant(true), false) });

/** Any text in each field that takes text; HAProxy's language only where a field takes that. */
const anyService = (number: number): fc.Arbitrary<RenderedService> =>
  fc
    .record({
      serviceName: maybe(hostile, `s${number}`),
      aclName: maybe(hostile, ""),
      addReqHeader: items(header),
      setReqHeader: items(header),
      delReqHeader: items(hostile),
      addResHeader: items(header),
      setResHeader: items(header),
      delResHeader: items(hostile),
      checkResolvers: fc.boolean(),
      compressionAlgo: maybe(hostile, ""),
      compressionType: maybe(hostile, ""),
      connectionMode: maybe(hostile, ""),
      discoveryType: fc.constantFrom("", "VIP", "DNS"),
      isDefaultBackend: fc.boolean(),
      redirectWhenHttpProto: fc.boolean(),
      redirectUnlessHttpsProto: fc.boolean(),
      replicas: maybe(fc.constantFrom(1e9), 3),
      serviceDomainAlgo: fc.constantFrom("", "hdr(host)", "hdr_dom(host)"),
      sessionType: fc.constantFrom("", "", "sticky-server"),
      users: maybe(fc.array(user, { maxLength: 3 }), undefined),
      destinations: fc.array(destination, { minLength: 1, maxLength: 2 }),
    })
    .map(({ destinations, ...fields }) => ({
      ...goDemo,
      ...fields,
      destinations: destinations.map((each) => (each.reqMode === "http" ? each : { ...each, srcPort: 7000 + number })),
    }));

const names = Array.from({ length: 60 }, (_, i) => `s${i}`);
const tasks = new Map(names.map((name) => [name, ["10.0.1.5", "10.0.1.6", "not an address"]]));
const anyServices = fc.tuple(...names.map((_, i) => anyService(i)));

test("whatever is in a service's fields is refused, or is in a config that HAProxy takes", async () => {
  const seed = Date.now() % 1_000_000;
  let taken = 0;
  for (const services of fc.sample(anyServices, { seed, numRuns: 30 })) {
    const { refused } = renderServices(services, { settings, tasks });
    const fine = services.filter(({ serviceName }) => !refused.has(serviceName));
    expect({ seed, complaint: await complaint(fine, { tasks }) }).toEqual({ seed, complaint: undefined });
    taken += fine.length;
  }
  expect(taken).toBeGreaterThan(300);
});

/** Each field that takes HAProxy's language, with something that is not, or leads somewhere else. */
const broken: readonly (readonly [string, Partial<RenderedService>, Partial<Destination>])[] = [
  ["a regular expression", {}, { pathType: "path_reg", servicePath: ["/(a"] }],
  ["a rewrite's expression", {}, { rewrites: [{ search: "(a", replace: "b" }] }],
  ["a matcher", {}, { pathType: "path_begins" }],
  ["an algorithm for domains", { serviceDomainAlgo: "host_beg" }, { serviceDomain: ["x.com"] }],
  ["a condition", { setResHeader: ["X-A b if nothing_known"] }, {}],
  ["a log format", { setReqHeader: ["X-A %[nothing]"] }, {}],
  ["a line of the backend", { backendExtra: "nothing of HAProxy's" }, {}],
  ["a balance algorithm", {}, { reqMode: "tcp", srcPort: 7000, serviceGroup: "g", balanceGroup: "fairly" }],
  ["a type of compression", { compressionAlgo: "zip" }, {}],
  ["a port", {}, { port: "http" }],
  ["a port that is taken", {}, { reqMode: "tcp", srcPort: 80 }],
];

test.each(broken)("%s that HAProxy does not take is due to its service alone", async (_, changes, more) => {
  const destinations = goDemo.destinations.map((each) => ({ ...each, ...more }));
  const bad = { ...goDemo, serviceName: "bad", ...changes, destinations };
  expect(await complaint([goDemo, bad])).toMatchObject({ blamed: ["bad"] });
});

test("a service that is refused makes HAProxy say why", async () => {
  const bad = service("serviceName=bad&reqMode=tcp&srcPort=80&port=1");
  expect(await complaint([goDemo, bad])).toMatchObject({
    alerts: [expect.stringContaining("'service bad: srcPort 80: the port belongs to frontend services'")],
  });
});

const statistics = { credentials: { user: "ann", password: "a'b \"c$" }, uri: "/admin?stats", port: 9000 };
const everything = settingsWith({
  services: { checkResolvers: true, nameStyle: "2019" },
  frontend: {
    bindPorts: [{ port: "8000-8010", options: "name many", ssl: true }],
    extra: ["http-request deny if { path /never }"],
    captures: [{ name: "Host", length: 64 }],
    trustedProxies: ["10.0.0.0/8", "fd00::/8"],
    acceptProxyPorts: [443],
    hsts: "max-age=31536000; includeSubDomains",
  },
  global: { extra: ["tune.bufsize 32768"] },
  defaults: { compressionAlgo: "gzip", compressionType: "text/css text/html" },
  log: { debug: true, httpFormat: "%ci:%cp %ST", tcpFormat: "%ci" },
  statistics,
  users: [{ username: "bob", password: "it's $5 #1", encrypted: false }],
  driver: { initAddr: "last,none", maxBodyBytes: 1000 },
});

test.each([
  ["no services", [], {}],
  ["a plain service", ["serviceName=go-demo&servicePath=/demo&port=8080"], {}],
  ["only tcp", ["serviceName=r&reqMode=tcp&srcPort=6379&port=6379&checkTcp=true"], {}],
  [
    "every setting and kind of service",
    [
      "serviceName=a&servicePath=/a&port=1&sessionType=sticky-server&users=ann:x&verifyClientSsl=true",
      "serviceName=b&serviceDomain=b.com,*.c.com&port=1&httpsPort=2&httpsOnly=true&redirectWhenHttpProto=true",
      "serviceName=c&servicePath=/c&port=1&discoveryType=DNS&replicas=2&reqPathSearchReplace=/(c|d)/,/&denyHttp=true",
      "serviceName=d&reqMode=sni&srcPort=444&port=1&servicePath=x.com&pathType=req_ssl_sni -i",
      "serviceName=e&reqMode=tcp&srcPort=7000&port=1&serviceGroup=g&balanceGroup=source",
      "serviceName=f&reqMode=tcp&srcPort=7001&port=1&serviceDomain=f.com&discoveryType=VIP",
    ],
    {
      settings: everything,
      nameservers: ["127.0.0.53:53"],
      tasks: new Map([
        ["a", ["10.0.1.5"]],
        ["e", ["10.0.1.6"]],
      ]),
    },
  ],
  ["the access log", [], { settings: settingsWith({ driver: { accessLog: true, initAddr: "last,none" } }) }],
  ["mode tcp", [], { settings: settingsWith({ frontend: { mode: "tcp" }, driver: { initAddr: "last,none" } }) }],
] satisfies [string, string[], Partial<RenderInput>][])(
  "HAProxy takes a config with %s",
  async (_, queries, changes) => {
    const services = queries.map((query) => service(query));
    expect(renderServices(services, changes).refused.size).toBe(0);
    expect(await complaint(services, changes)).toBeUndefined();
  },
);

test("HAProxy takes a config with certificates and a certificate authority", async () => {
  const pem = join(folder, "site.pem");
  const subject = ["-subj", "/CN=x.com", "-days", "2", "-nodes", "-x509", "-newkey", "rsa:2048"];
  await runCommand(["openssl", "req", ...subject, "-keyout", `${pem}.key`, "-out", `${pem}.crt`]);
  await writeFile(pem, `${await readFile(`${pem}.crt`, "utf8")}${await readFile(`${pem}.key`, "utf8")}`);
  const tls = { caFile: `${pem}.crt`, crtListPath: "", http2: true };
  const changes = { settings: settingsWith({ tls, driver: { initAddr: "last,none" } }), certificates: [pem] };
  expect(await complaint([goDemo], changes)).toBeUndefined();
});
