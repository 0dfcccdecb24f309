import type { Labels } from "./swarm-objects.ts";

/** The routes that came by HTTP, as the labels of the proxy's own service hold them. */
export interface RouteRecord {
  /** One more with every write; 0 when nothing was written yet. */
  readonly revision: number;
  /** Marks of the last writes, the newest first: they tell a later record from another one. */
  readonly writes: readonly string[];
  /** Query strings of `reconfigure`, by service name. */
  readonly routes: ReadonlyMap<string, string>;
}

/** A route to set, or undefined to remove it, by service name. */
export type RouteChanges = ReadonlyMap<string, string | undefined>;

export const noRoutes: RouteRecord = { revision: 0, writes: [], routes: new Map() };

const routePrefix = "com.df.http.";
/** `7 k3f9q2 8s0a1c …`: the revision and the marks of the last writes. */
const revisionLabel = "com.df.httpRevision";
/** A replica that is further behind takes what it finds for later. */
const mostWrites = 32;

/** Labels that are the proxy's own notes, not parameters of a service. */
export const isRouteLabel = (label: string): boolean => label.startsWith(routePrefix) || label === revisionLabel;

export function routesOf(labels: Labels): RouteRecord {
  const [revision = "", ...writes] = (labels[revisionLabel] ?? "0").split(" ");
  const routes = Object.entries(labels)
    .filter(([label]) => label.startsWith(routePrefix))
    .map(([label, query]) => [label.slice(routePrefix.length), query] as const);
  return { revision: /^\d{1,15}$/.test(revision) ? Number(revision) : 0, writes, routes: new Map(routes) };
}

/** The labels with that record instead of the one they held. */
export const withRoutes = (labels: Labels, { revision, writes, routes }: RouteRecord): Labels => ({
  ...Object.fromEntries(Object.entries(labels).filter(([label]) => !isRouteLabel(label))),
  [revisionLabel]: [revision, ...writes].join(" "),
  ...Object.fromEntries([...routes].map(([name, query]) => [routePrefix + name, query])),
});

/** Whether `later` came from `earlier` by writes, or is the same. */
function follows(later: RouteRecord, earlier: RouteRecord): boolean {
  const writes = later.revision - earlier.revision;
  if (earlier.revision === 0 || writes >= mostWrites) return true;
  return writes >= 0 && later.writes[writes] === earlier.writes[0];
}

/** Somebody else has put other labels in the place of those that were seen: `docker stack deploy`, a rollback. */
export const isOverwritten = (found: RouteRecord, seen: RouteRecord): boolean => !follows(found, seen);

/**
 * What the labels shall hold, given what they hold, what they were seen to hold, and what shall change; undefined when they hold
 * that already. `mark` is that of this write.
 */
export function nextRecord(
  found: RouteRecord,
  seen: RouteRecord,
  changes: RouteChanges,
  mark: string,
): RouteRecord | undefined {
  const base = baseOf(found, seen);
  const routes = withChanges(base.routes, changes);
  if (base !== seen && isSameRoutes(routes, found.routes)) return undefined;
  return { revision: base.revision + 1, writes: [mark, ...base.writes].slice(0, mostWrites), routes };
}

/** Of two records the later one. When neither is, a route may be in one of them only: both together, so that none is lost. */
function baseOf(found: RouteRecord, seen: RouteRecord): RouteRecord {
  if (follows(found, seen)) return found;
  if (follows(seen, found)) return seen;
  const { revision, writes } = found.revision < seen.revision ? seen : found;
  return { revision, writes, routes: new Map([...seen.routes, ...found.routes]) };
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
