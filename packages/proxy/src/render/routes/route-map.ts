import { createHash } from "node:crypto";
import { compare } from "../plan/service-order.ts";
import { allByPrefix, firstByPrefix } from "./prefix-table.ts";
import type { RouteRule } from "./route-rule.ts";

/** Rules of a frontend that answer in constant time what the list behind them would answer, and the maps they read. */
export interface RouteMap {
  readonly lines: readonly string[];
  /** By absolute path. */
  readonly files: ReadonlyMap<string, string>;
}

export const noMap: RouteMap = { lines: [], files: new Map() };

/**
 * For each thing that a request can begin with, the first rule of the list that holds for it (`haproxy-driver.md` 5).
 * Where the first rule that might hold depends on more than a map can tell, the list is asked. The maps' names tell
 * their content, so a config and its maps belong together, whatever else is written beside them.
 */
export function routeMap(rules: readonly RouteRule[], folder: string): RouteMap {
  if (!rules.some(({ whole }) => whole)) return noMap;
  return rules.some((rule) => rule.whole && !isForAnyHost(rule))
    ? hostAndPathMaps(rules, folder)
    : pathMap(rules, folder);
}

const explanation = "# What the rules below would answer, told by maps.";

const isForAnyHost = ({ hosts }: RouteRule) => hosts.includes("");

/** No backend has a name like that: the list is asked. */
const askList = ".list";

function pathMap(rules: readonly RouteRule[], folder: string): RouteMap {
  const first = firstByPrefix(rules.map(({ paths }, number) => ({ number, prefixes: paths })));
  const answers = [...first].map(([path, number]): [string, string] => [path, answerOf(rules[number])]);
  const { files, path } = mapFiles(folder, { routes: mapText(answers) });
  const answer = `path,map_beg(${path("routes")})`;
  if (!answers.some(([, each]) => each === askList)) {
    // what is in no map is in no rule either, and goes to the default at once, without a variable, which costs each request two percent
    return { files, lines: [explanation, `use_backend %[${answer}]`] };
  }
  const lines = [
    explanation,
    `http-request set-var(txn.route) ${answer}`,
    `use_backend %[var(txn.route)] if { var(txn.route) -m found } !{ var(txn.route) -m str ${askList} }`,
  ];
  return { files, lines };
}

const answerOf = (rule: RouteRule | undefined) => (rule?.whole ? rule.backend : askList);

/**
 * `by_path` is the number of the first rule of those for any host, `by_host` of the others; the lower one comes first in
 * the list. The longest beginning of the host that some rule has is its class, with a number that stands before the path
 * in `host-paths`.
 */
function hostAndPathMaps(rules: readonly RouteRule[], folder: string): RouteMap {
  const numbered = rules.map((rule, number) => ({ rule, number }));
  const paths = firstByPrefix(
    numbered.filter(({ rule }) => isForAnyHost(rule)).map(({ rule, number }) => ({ number, prefixes: rule.paths })),
  );
  const { hosts, hostPaths } = hostClasses(numbered.filter(({ rule }) => !isForAnyHost(rule)));
  const { files, path } = mapFiles(folder, {
    paths: mapText([...paths]),
    hosts: mapText(hosts),
    "host-paths": mapText(hostPaths),
    rules: numbered.map(({ rule, number }) => (rule.whole ? `${number} ${rule.backend}\n` : "")).join(""),
  });
  const last = rules.length;
  const byHost = `req.fhdr(host),lower,concat(/),map_beg(${path("hosts")}),concat(,txn.path),map_beg_int(${path("host-paths")},${last})`;
  const lines = [
    explanation,
    "http-request set-var(txn.path) path",
    `http-request set-var(txn.by_path) path,map_beg_int(${path("paths")},${last})`,
    `http-request set-var(txn.by_host) ${byHost}`,
    "http-request set-var(txn.rule) var(txn.by_path)",
    "http-request set-var(txn.rule) var(txn.by_host) if { var(txn.by_host),sub(txn.by_path) lt 0 }",
    `http-request set-var(txn.route) var(txn.rule),map(${path("rules")}) if !{ req.fhdr(host) -m sub , }`,
    "use_backend %[var(txn.route)] if { var(txn.route) -m found }",
  ];
  return { files, lines };
}

interface Numbered {
  readonly rule: RouteRule;
  readonly number: number;
}

function hostClasses(rules: readonly Numbered[]) {
  const byHost = allByPrefix(rules.map(({ rule, number }) => ({ number, paths: rule.paths, prefixes: rule.hosts })));
  const classes = [...byHost].sort(([a], [b]) => compare(a, b));
  const hosts = classes.map(([host], i) => [host, i] as const);
  const hostPaths = classes.flatMap(([, some], i) =>
    [...firstByPrefix(some.map(({ number, paths }) => ({ number, prefixes: paths })))].map(
      ([path, number]) => [`${i}${path}`, number] as const,
    ),
  );
  return { hosts, hostPaths };
}

const mapText = (entries: readonly (readonly (string | number | undefined)[])[]): string =>
  entries
    .map(([key, value]) => `${key} ${value}\n`)
    .sort(compare)
    .join("");

/** Files named after what is in all of them. */
function mapFiles<Name extends string>(folder: string, texts: Readonly<Record<Name, string>>) {
  const hash = createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 12);
  const path = (name: Name) => `${folder}/${name}-${hash}.map`;
  const names = Object.keys(texts) as Name[];
  return { path, files: new Map(names.map((name) => [path(name), texts[name]])) };
}
