import type { Labels } from "./swarm-objects.ts";

/** The routes that came by HTTP, as the labels of the proxy's own service hold them. */
export interface RouteRecord {
  /** One more with every write; 0 when nothing was written yet. */
  readonly revision: number;
  /** Query strings of `reconfigure`, by service name. */
  readonly routes: ReadonlyMap<string, string>;
}

/** A route to set, or undefined to remove it, by service name. */
export type RouteChanges = ReadonlyMap<string, string | undefined>;

export const noRoutes: RouteRecord = { revision: 0, routes: new Map() };

const routePrefix = "com.df.http.";
const revisionLabel = "com.df.httpRevision";

/** Labels that are the proxy's own notes, not parameters of a service. */
export const isRouteLabel = (label: string): boolean => label.startsWith(routePrefix) || label === revisionLabel;

export function routesOf(labels: Labels): RouteRecord {
  const revision = Number(labels[revisionLabel] ?? 0);
  const routes = Object.entries(labels)
    .filter(([label]) => label.startsWith(routePrefix))
    .map(([label, query]) => [label.slice(routePrefix.length), query] as const);
  return { revision: Number.isSafeInteger(revision) ? revision : 0, routes: new Map(routes) };
}

/** The labels with that record instead of the one they held. */
export const withRoutes = (labels: Labels, { revision, routes }: RouteRecord): Labels => ({
  ...Object.fromEntries(Object.entries(labels).filter(([label]) => !isRouteLabel(label))),
  [revisionLabel]: String(revision),
  ...Object.fromEntries([...routes].map(([name, query]) => [routePrefix + name, query])),
});

/** A lower revision than one that was seen: `docker stack deploy` or a rollback has put other labels in their place. */
export const isOverwritten = (found: RouteRecord, seen: RouteRecord): boolean => found.revision < seen.revision;

/**
 * What the labels shall hold, given what they hold, what they are known to have held, and what shall change; undefined when they
 * hold that already.
 */
export function nextRecord(found: RouteRecord, seen: RouteRecord, changes: RouteChanges): RouteRecord | undefined {
  const base = isOverwritten(found, seen) ? seen : found;
  const routes = withChanges(base.routes, changes);
  if (base === found && isSameRoutes(routes, found.routes)) return undefined;
  return { revision: base.revision + 1, routes };
}

export function withChanges(routes: ReadonlyMap<string, string>, changes: RouteChanges): ReadonlyMap<string, string> {
  const changed = new Map(routes);
  for (const [name, query] of changes) {
    if (query === undefined) changed.delete(name);
    else changed.set(name, query);
  }
  return changed;
}

export const isSameRoutes = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, query]) => b.get(name) === query);
