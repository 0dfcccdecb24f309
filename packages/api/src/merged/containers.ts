import type { ApiRequest } from "../router.ts";
import { parseFilters } from "../wire/filters.ts";
import type { MergeContext } from "./merge-context.ts";
import type { MergedRoute } from "./merged-route.ts";

/** On every container of a task, and on no other. */
const taskLabel = "com.docker.swarm.task.id";

/** Passed through, but for the filter `is-task`: an engine that is in no swarm takes no container for a task's. */
export function containerRoutes({ engine }: MergeContext): MergedRoute[] {
  return [
    {
      method: "GET",
      path: "/containers/json",
      async handle(request) {
        const isTask = isTaskFilter(request);
        if (isTask === undefined) return { passThrough: {} };
        if (isTask) return { passThrough: { target: targetOf(request, { label: [taskLabel] }) } };
        const { limit, target } = withoutLimit(request);
        const containers = await engine.json<Summary[]>("GET", target, { signal: request.signal });
        const others = containers.filter(({ Labels }) => Labels?.[taskLabel] === undefined);
        return { status: 200, json: limit > 0 ? others.slice(0, limit) : others };
      },
    },
  ];
}

interface Summary {
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** Undefined when the request does not ask, or asks something the engine has to refuse. */
function isTaskFilter({ query }: ApiRequest): boolean | undefined {
  if (!query.get("filters")?.includes("is-task")) return undefined;
  const [value, ...more] = parseFilters(query).get("is-task") ?? [];
  if (more.length > 0) return undefined;
  if (value === "true" || value === "1") return true;
  return value === "false" || value === "0" ? false : undefined;
}

/** The engine counts before the tasks are taken out: the limit, and what it implies, move behind that. */
function withoutLimit(request: ApiRequest): { limit: number; target: string } {
  const limit = Number.parseInt(request.query.get("limit") ?? "", 10) || 0;
  return { limit, target: targetOf(request, {}, limit > 0 ? { all: "1", limit: "0" } : {}) };
}

/** The request's target without its `is-task` filter, with other filters and parameters added. */
function targetOf(
  { apiVersion, query }: ApiRequest,
  moreFilters: Readonly<Record<string, readonly string[]>>,
  parameters: Readonly<Record<string, string>> = {},
): string {
  const filters = new Map(parseFilters(query));
  filters.delete("is-task");
  for (const [key, values] of Object.entries(moreFilters)) filters.set(key, [...(filters.get(key) ?? []), ...values]);
  const changed = new URLSearchParams(query);
  changed.set("filters", JSON.stringify(Object.fromEntries(filters)));
  for (const [key, value] of Object.entries(parameters)) changed.set(key, value);
  return `/v${apiVersion}/containers/json?${changed}`;
}
