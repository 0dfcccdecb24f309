import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RenderedService, RenderInput } from "../src/render/input.ts";
import { goDemo, inputOf, renderServices, settingsWith } from "../src/render/test-input.ts";
import { blamedServices } from "../src/runtime/alerts.ts";
import { withNames } from "../src/runtime/config-files.ts";
import { checkConfig } from "../src/runtime/index.ts";
import type { ReqMode } from "../src/service/service.ts";

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

const hostile = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 20 }) },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...[
        "a b",
        "a'b",
        'a"b',
        "a\\",
        "\\",
        "#",
        "a#b",
        "$HOME",
        "${HOME}",
        '"$HOME"',
        "%",
        "100%",
        "%[src]",
        "%%",
        "%z",
      ],
      ...[
        "{",
        "}",
        "{ src 1.2.3.4 }",
        "if",
        "unless",
        "or",
        "||",
        "!",
        "-f",
        "-i",
        "--",
        "-",
        "/etc/passwd",
        "~",
        "é",
        "💥",
      ],
      ...[
        "a\nb",
        "a\n    server evil 192.0.2.1:80",
        "\u0000",
        "\t",
        "\r\n",
        "]",
        "[",
        "(",
        ")",
        ",",
        "a,b",
        ";",
        "a".repeat(9000),
      ],
      ...[
        "https",
        "default",
        "global",
        "backend evil",
        ".if 0",
        "unix@/run/x",
        "/run/df/haproxy.sock",
        "fd@3",
        "::1",
        "0",
      ],
    ),
  },
);
const list = fc.array(hostile, { maxLength: 3 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>, otherwise: T) =>
  fc.oneof({ arbitrary, weight: 1 }, { arbitrary: fc.constant(otherwise), weight: 5 });

/** Text whose characters stand for themselves in a regular expression. */
const literal = hostile.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));

const destination = fc.record({
  index: fc.nat(3),
  port: maybe(hostile, "8080"),
  httpsPort: maybe(fc.integer(), 0),
  srcPort: fc.constantFrom(0, 80, 443, 6379, 70_000),
  srcHttpsPort: fc.constantFrom(0, 443, -1),
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
      replicas: fc.constantFrom(undefined, 3, 1e9),
      serviceDomainAlgo: fc.constantFrom("", "hdr(host)", "hdr_dom(host)"),
      sessionType: fc.constantFrom("", "", "sticky-server"),
      users: maybe(fc.array(user, { maxLength: 3 }), undefined),
      destinations: fc.array(destination, { minLength: 1, maxLength: 2 }),
    })
    .map((fields) => ({ ...goDemo, ...fields }));

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
