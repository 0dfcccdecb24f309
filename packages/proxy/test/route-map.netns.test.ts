import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { inputOf, isOfMap, renderServices, sectionOf, service } from "../src/render/test-input.ts";
import type { ProxyService } from "../src/service/index.ts";

const sets = 40;
const requestsEach = 100;
const port = 18_377;

const often = <T>(arbitrary: fc.Arbitrary<T>) => chance(arbitrary, 6, 1);
const sometimes = <T>(arbitrary: fc.Arbitrary<T>) => chance(arbitrary, 1, 1);
const rarely = <T>(arbitrary: fc.Arbitrary<T>) => chance(arbitrary, 1, 9);
const chance = <T>(arbitrary: fc.Arbitrary<T>, weight: number, against: number) =>
  fc.oneof({ arbitrary, weight }, { arbitrary: fc.constant(undefined), weight: against });
const listOf = (...all: string[]) => fc.uniqueArray(fc.constantFrom(...all), { minLength: 1, maxLength: 3 });

/** Rules that overlap and shadow each other; a map can tell the answer of some. */
const rule = fc.record({
  servicePath: often(listOf("/", "/a", "/ab", "/a/b", "/A", "/b", "/aa", "/.well-known/x", "/demo", "b", "/b$")),
  serviceDomain: sometimes(listOf("x.com", "a.x.com", "X.Com", "y.org", "y", "x.co", "x.com:8080")),
  wildcard: rarely(fc.constantFrom("*.x.com", "*com", "*org")),
  serviceDomainAlgo: rarely(fc.constantFrom("hdr(host)", "hdr(host)", "hdr_dom(host)")),
  pathType: rarely(fc.constantFrom("path", "path_end", "path_reg", "path_dir", "path_beg -i")),
  servicePathExclude: rarely(fc.constantFrom("/a/x", "/b")),
  serviceHeader: rarely(fc.constantFrom("X-V:1", "X-V:2")),
  userAgent: rarely(fc.constantFrom("bot", "-curl")),
  srcPort: rarely(fc.constantFrom(`${port}`, `${port + 1}`)),
  isDefaultBackend: rarely(fc.constant("true")),
  order: fc.constantFrom("a", "b", "c", "d"),
});

/** Names are those of the set's number, so that the backends of all sets fit into one HAProxy. */
const ruleSet = (set: number): fc.Arbitrary<ProxyService[]> =>
  fc.array(rule, { minLength: 1, maxLength: 10 }).map((rules) =>
    rules.map(({ order, wildcard, serviceDomain = [], servicePath, ...conditions }, i) => {
      const domains = [...serviceDomain, ...(wildcard === undefined ? [] : [wildcard])];
      const paths = servicePath ?? (domains.length === 0 ? ["/"] : []);
      const given = Object.entries(conditions).filter(([, value]) => value !== undefined);
      return service(
        `${new URLSearchParams({
          serviceName: `s${set}x${i}`,
          aclName: `${order}${set}x${i}`,
          port: "80",
          servicePath: paths.join(","),
          serviceDomain: domains.join(","),
          ...(Object.fromEntries(given) as Record<string, string>),
        })}`,
      );
    }),
  );

const wish = fc.record({
  path: fc.constantFrom(
    ...["/", "/a", "/abc", "/ab", "/a/b/c", "/a/x", "/A", "/aa/b", "/b", "/bc", "/c", "/b?x=/a", "//a", "/demo"],
    ...["/demolition", "/.well-known/x/y", "/x/b", "/a/ab", "*"],
  ),
  host: fc.constantFrom(
    ...["x.com", "X.COM", "x.com:8080", "a.x.com", "b.x.com", "y.org", "y", "yy", "x.community", "x.co", "z"],
    ...["x.com,y.org", "y.org, a.x.com", "q,x.com"],
  ),
  "X-V": rarely(fc.constantFrom("1", "2")),
  "User-Agent": rarely(fc.constantFrom("Bot/1", "my-curl")),
});
type Wish = typeof wish extends fc.Arbitrary<infer Value> ? Value : never;

/** Of a set's frontend with the map, and of the one with the list alone. */
const addressesOf = (set: number) => [`127.77.${set}.1`, `127.77.${set}.2`] as const;

/** `frontend services` twice, and backends that answer with their names. */
function frontends(services: readonly ProxyService[], set: number, folder: string) {
  const input = inputOf(services);
  const { config, files } = renderServices(services, { paths: { ...input.paths, maps: folder } });
  const lines = sectionOf({ config }, "frontend services").filter((line) => !/^(frontend|bind|mode)\b/.test(line));
  const [withMap, withList] = addressesOf(set);
  const frontend = (name: string, address: string, some: readonly string[]) =>
    [`frontend ${name}${set}`, `bind ${address}:${port}`, ...some].join("\n    ");
  const backends = [...config.matchAll(/^backend (\S+)/gm)].map(
    ([section, name]) => `${section}\n    http-request return status 200 content-type text/plain string ${name}`,
  );
  const list = lines.filter((line) => !isOfMap(line));
  const text = [frontend("map", withMap, lines), frontend("list", withList, list), ...backends].join("\n\n");
  return { text, files, list, hasMap: files.size > 0 };
}

/** A HAProxy with these frontends. */
async function startHaproxy(folder: string, texts: readonly string[]): Promise<AsyncDisposable> {
  const defaults = "defaults\n    mode http\n    timeout connect 1s\n    timeout client 30s\n    timeout server 1s";
  const global = "global\n    httpclient.ssl.verify none";
  await writeFile(join(folder, "haproxy.cfg"), `${[global, defaults, ...texts].join("\n\n")}\n`);
  const child = spawn("haproxy", ["-db", "-f", join(folder, "haproxy.cfg")], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const exit = once(child, "exit");
  for (let tries = 0; !(await canConnect(addressesOf(0)[0])); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error(said);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}

const canConnect = async (host: string) => {
  const socket = connect({ host, port });
  const connected = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "close").then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return connected;
};

/** The backend that answered, or the status. */
async function ask(agent: Agent, host: string, { path, host: Host, ...headers }: Wish): Promise<string> {
  const given = Object.entries({ ...headers, Host }).filter(([, value]) => value !== undefined);
  const method = path === "*" ? "OPTIONS" : "GET";
  const asked = request({ agent, method, host, port, path, headers: Object.fromEntries(given) as { Host: string } });
  const [response] = await once(asked.end(), "response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return response.statusCode === 200 ? body : `${response.statusCode}`;
}

test("the map in front of the list answers as the list does", async () => {
  const seed = Date.now() % 1_000_000;
  const folder = await mkdtemp("/tmp/skep-route-map-");
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const agent = new Agent({ keepAlive: true });
  const rules = Array.from({ length: sets }, (_, set) =>
    fc.sample(ruleSet(set), { seed: seed + set, numRuns: 1 }),
  ).flat();
  const parts = rules.map((services, set) => frontends(services, set, folder));
  for (const [path, text] of parts.flatMap(({ files }) => [...files])) await writeFile(path, text);
  await using _haproxy = await startHaproxy(
    folder,
    parts.map(({ text }) => text),
  );
  let answered = 0;
  for (const [set, { list }] of parts.entries()) {
    const [withMap, withList] = addressesOf(set);
    for (const each of fc.sample(wish, { seed: seed + set, numRuns: requestsEach })) {
      const [map, wanted] = await Promise.all([ask(agent, withMap, each), ask(agent, withList, each)]);
      expect({ seed, each, list, answer: map }).toEqual({ seed, each, list, answer: wanted });
      if (map !== "503") answered++;
    }
  }
  agent.destroy();
  expect(parts.filter(({ hasMap }) => hasMap).length).toBeGreaterThan(sets / 2);
  expect(answered).toBeGreaterThan((sets * requestsEach) / 4);
}, 60_000);
