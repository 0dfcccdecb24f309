import type { NamedDestination, ServiceContext } from "../plan/destination.ts";
import type { RouteRule } from "../routes/route-rule.ts";
import { destinationRules } from "./destination-rules.ts";
import { schemeRedirects } from "./scheme-redirects.ts";

/** A service's part of `frontend services`, in the order it is written. */
export interface HttpRules {
  readonly acls: readonly string[];
  readonly redirects: readonly string[];
  readonly uses: readonly string[];
  /** What the `use_backend` lines say, in their order. */
  readonly routes: readonly RouteRule[];
}

/** `docker-flow-proxy.md` 4.4. */
export function httpRules(context: ServiceContext, destinations: readonly NamedDestination[]): HttpRules {
  const headerNumbers = new Map<number, number>();
  const each = destinations.map((named) => destinationRules(context, named, headerNumbers));
  const schemes = schemeRedirects(context, each);
  return {
    acls: [...each.flatMap(({ acls }) => acls), ...schemes.acls],
    redirects: schemes.redirects,
    uses: each.flatMap(({ uses }) => uses),
    routes: each.flatMap(({ routes }) => routes),
  };
}
