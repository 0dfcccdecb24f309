import { posix } from "node:path";

/** A request's target, taken apart to decide who answers it; what is passed on is the target as it was sent. */
export interface Target {
  /** `1.41` of the prefix `/v1.41`. */
  readonly version: string | undefined;
  /** Percent-decoded and cleaned of `//`, `.` and `..`, as the engine's router sees it. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
}

/** Undefined when the target is not a path, or its escapes are broken. */
export function parseTarget(url: string): Target | undefined {
  const relative = url.replace(/^https?:\/\/[^/?#]*/i, "");
  const mark = relative.indexOf("?");
  const encoded = mark < 0 ? relative : relative.slice(0, mark);
  if (!encoded.startsWith("/")) return undefined;
  const decoded = decode(encoded);
  if (decoded === undefined) return undefined;
  const clean = posix.normalize(decoded);
  const [, version, path] = /^\/v([0-9.]+)(\/.*)$/s.exec(clean) ?? [];
  return { version, path: path ?? clean, query: mark < 0 ? "" : relative.slice(mark + 1) };
}

function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

const swarmScoped = new Set(["swarm", "nodes", "services", "tasks", "secrets", "configs", "skep"]);

/** True for what only skep may answer: the engine, which is in no swarm, must never see it. */
export const isSwarmScoped = (path: string): boolean => swarmScoped.has(path.split("/")[1] ?? "");
