import type { ClusterEvent } from "../cluster-event.ts";
import { matchesEventFilters } from "../event-filter.ts";
import type { ApiRequest, Route, WriteStream } from "../router.ts";
import { parseFilters } from "../wire/filters.ts";
import { EventMerge } from "./event-merge.ts";
import type { MergeContext } from "./merge-context.ts";

/** The engine's stream, with the cluster's events between its lines (`swarm-api.md` section 10). */
export function eventRoutes({ engine, events, clock }: MergeContext): Route[] {
  return [
    {
      method: "GET",
      path: "/events",
      async handle(request) {
        const { apiVersion, query, signal } = request;
        // The engine judges the query: what it accepts can be read here.
        const lines = await engine.open("GET", `/v${apiVersion}/events?${query}`, { signal });
        const wanted = wantedEvents(request);
        const stream = async (write: WriteStream) => {
          using merge = new EventMerge(write, clock, wanted.past ? events.recent().filter(wanted.matches) : []);
          const unsubscribe = events.subscribe((event) => {
            if (wanted.matches(event) && !merge.add(event)) lines.destroy(new Error("events are read too slowly"));
          });
          try {
            for await (const chunk of lines) await merge.pass(chunk);
            await merge.end();
          } finally {
            unsubscribe();
          }
        };
        return { status: 200, headers: { "Content-Type": "application/json" }, stream };
      },
    },
  ];
}

function wantedEvents({ query }: ApiRequest) {
  const filters = parseFilters(query);
  const since = nanoseconds(query.get("since"));
  const until = nanoseconds(query.get("until"));
  return {
    /** Without a bound, only what happens from now on. */
    past: since !== undefined || until !== undefined,
    matches: (event: ClusterEvent) =>
      event.timeNano >= (since ?? 0) &&
      event.timeNano <= (until ?? Number.POSITIVE_INFINITY) &&
      matchesEventFilters(event, filters),
  };
}

/** Of Unix seconds with an optional fraction; undefined when there are none. */
function nanoseconds(text: string | null): number | undefined {
  return text && text !== "0" ? Number(text) * 1e9 : undefined;
}
