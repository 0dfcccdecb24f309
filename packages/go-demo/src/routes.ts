import { setTimeout as sleep } from "node:timers/promises";
import type { Metrics } from "./metrics.ts";
import type { People } from "./people.ts";

export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly contentType?: string;
  /** Methods that there are, when the one asked for is not among them. */
  readonly allow?: string;
}

export interface Asked {
  readonly method: string;
  readonly query: URLSearchParams;
}

export interface Parts {
  readonly people: People;
  readonly metrics: Metrics;
  /** In 0…1. */
  readonly random: () => number;
}

export type Route = (asked: Asked, parts: Parts) => Promise<Answer>;

/** Longer, and whoever asked has gone. */
const maxDelayMs = 60_000;

/** `?delay=MS` lets the answer wait. */
async function hello({ query }: Asked): Promise<Answer> {
  const delay = Number(query.get("delay") ?? 0);
  if (!Number.isInteger(delay) || delay < 0 || delay > maxDelayMs)
    return { code: 400, text: `delay is "${query.get("delay")}": give milliseconds, 0 to ${maxDelayMs}\n` };
  if (delay > 0) await sleep(delay);
  return { code: 200, text: "hello, world!\n" };
}

/** One of ten fails. */
async function randomError(_: Asked, { random }: Parts): Promise<Answer> {
  if (random() < 0.1) return { code: 500, text: "ERROR: Something, somewhere, went wrong!\n" };
  return { code: 200, text: "Everything is still OK\n" };
}

/** `PUT ?name=NAME` keeps one, anything else lists them. */
async function person({ method, query }: Asked, { people }: Parts): Promise<Answer> {
  const name = query.get("name") ?? "";
  if (method === "PUT" && name === "") return { code: 400, text: "no name: PUT /demo/person?name=NAME\n" };
  try {
    if (method !== "PUT") return { code: 200, text: (await people.names()).join("\n") };
    await people.add(name);
    return { code: 200, text: "Everything is OK" };
  } catch (error) {
    return { code: 503, text: `the database does not answer: ${(error as Error).message || error}\n` };
  }
}

async function metrics(_: Asked, parts: Parts): Promise<Answer> {
  return { code: 200, text: await parts.metrics.text(), contentType: parts.metrics.contentType };
}

const reading = ["GET", "HEAD"];
const routes: Readonly<Record<string, { readonly methods: readonly string[]; readonly route: Route }>> = {
  "/demo/hello": { methods: [...reading, "POST", "PUT"], route: hello },
  "/demo/person": { methods: [...reading, "PUT"], route: person },
  "/demo/random-error": { methods: reading, route: randomError },
  "/demo/metrics": { methods: reading, route: metrics },
  "/metrics": { methods: reading, route: metrics },
};

/** The route of a path and method; one that refuses when there is none. */
export function routeOf(method: string, path: string): Route {
  const found = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!found) return async () => ({ code: 404, text: `404 page not found: ${Object.keys(routes).join(", ")}\n` });
  const allow = found.methods.join(", ");
  if (!found.methods.includes(method)) return async () => ({ code: 405, text: `${allow} only\n`, allow });
  return found.route;
}

export const isRoute = (path: string): boolean => Object.hasOwn(routes, path);
