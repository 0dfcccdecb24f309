import type { HostPatterns } from "../http/host-match.ts";

/** A `use_backend` of the list, as far as a map can tell whether it holds. */
export interface RouteRule {
  readonly backend: string;
  /** It does not hold unless the path begins with one of these. */
  readonly paths: readonly string[];
  /** It does not hold unless the host, a `/` behind it, begins with one of these; `""` for any. */
  readonly hosts: readonly string[];
  /** It holds whenever that is so. */
  readonly whole: boolean;
}

interface Prefixes {
  readonly prefixes: readonly string[];
  readonly whole: boolean;
}

/** What a path begins with that the matcher takes; a path always begins with `/`. */
export function pathPrefixes(pathType: string, paths: readonly string[]): Prefixes {
  if (pathType !== "path_beg" && pathType !== "path") return { prefixes: ["/"], whole: false };
  const possible = paths.filter((path) => path.startsWith("/"));
  const keys = possible.map((path) => /^[^ \t]*/.exec(path)?.[0] ?? path);
  return { prefixes: keys, whole: pathType === "path_beg" && keys.every((key, i) => key === possible[i]) };
}

/** What a host begins with; the `/` that ends one stands for its end. */
export function hostPrefixes(algorithm: string, { named, endings }: HostPatterns): Prefixes {
  const any = { prefixes: [""], whole: false };
  if (endings.length > 0 || named.some((name) => !/^[^# \t,/][^ \t,/]*$/.test(name))) return any;
  if (algorithm === "hdr_beg(host)") return { prefixes: named.map(lower), whole: true };
  return algorithm === "hdr(host)" ? { prefixes: named.map((name) => `${lower(name)}/`), whole: true } : any;
}

/** As HAProxy compares, ASCII letters only. */
const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
