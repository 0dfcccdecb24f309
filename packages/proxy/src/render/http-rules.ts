import { type Acl, filled, ifAll } from "./acl.ts";
import type { NamedDestination, ServiceContext } from "./destination.ts";
import { type HostPatterns, hostPatterns } from "./host-match.ts";
import { addressAcls, agentAcls, domainAlgoOf, headerAcls, pathTypeOf, sourcePortAcl } from "./http-acls.ts";
import { redirectsFromDomains, schemeRedirects } from "./redirects.ts";
import { hostPrefixes, pathPrefixes, type RouteRule } from "./route-rule.ts";

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

/** One of the two ports of a destination. */
interface Side {
  readonly backend: string;
  readonly address: readonly Acl[];
  readonly source: readonly Acl[];
}

export interface DestinationRules extends Omit<HttpRules, "redirects"> {
  readonly named: NamedDestination;
  /** That a request is for this destination; undefined when it has no route. */
  readonly terms: readonly string[] | undefined;
}

function destinationRules(
  context: ServiceContext,
  named: NamedDestination,
  headerNumbers: Map<number, number>,
): DestinationRules {
  const { destination } = named;
  const hosts = hostPatterns(destination.serviceDomain);
  const paths = pathsOf(named);
  const sides = paths.length === 0 ? [] : sidesOf(context, named, paths, hosts);
  const headers = headerAcls(context, named, headerNumbers);
  const agents = agentAcls(context, named);
  const rules = sides.map(({ backend, address, source }) => ({
    backend,
    terms: [...address, ...headers, ...source, ...agents].map(({ term }) => term),
  }));
  const [first] = sides;
  return {
    named,
    terms: first && [...first.address, ...first.source].map(({ term }) => term),
    acls: [
      ...[
        ...sides.flatMap(({ address }) => address),
        ...headers,
        ...sides.flatMap(({ source }) => source),
        ...agents,
      ].flatMap(({ lines }) => lines),
      ...redirectsFromDomains(destination),
    ],
    uses: [
      ...rules.map(({ backend, terms }) => `use_backend ${backend} ${ifAll(terms)}`),
      ...(context.service.isDefaultBackend ? [`default_backend ${named.backend || named.httpsBackend}`] : []),
    ],
    routes: rules.map(({ backend, terms }) => routeRule(context, named, paths, hosts, backend, terms.length)),
  };
}

/** A domain alone stands for all of its paths; neither path nor domain for no route. */
function pathsOf({ destination }: NamedDestination): string[] {
  const paths = filled(destination.servicePath);
  return paths.length === 0 && filled(destination.serviceDomain).length > 0 ? ["/"] : paths;
}

function sidesOf(
  context: ServiceContext,
  named: NamedDestination,
  paths: readonly string[],
  hosts: HostPatterns | undefined,
): Side[] {
  const { destination, port, httpsPort, backend, httpsBackend } = named;
  const http = port === 0 ? [] : [{ backend, address: addressAcls(context, named, { tag: "", port, paths, hosts }) }];
  const https =
    httpsPort === 0
      ? []
      : [
          {
            backend: httpsBackend,
            address: addressAcls(context, named, { tag: "https_", port: httpsPort, paths, hosts }),
          },
        ];
  const from = destination.srcPort || (httpsPort > 0 ? 80 : 0);
  return [
    ...http.map((side) => ({ ...side, source: from === 0 ? [] : [sourcePortAcl(context, named, "srcPort", from)] })),
    ...https.map((side) => ({
      ...side,
      source: [sourcePortAcl(context, named, "srcHttpsPort", destination.srcHttpsPort || 443)],
    })),
  ];
}

function routeRule(
  context: ServiceContext,
  { destination }: NamedDestination,
  paths: readonly string[],
  patterns: HostPatterns | undefined,
  backend: string,
  termCount: number,
): RouteRule {
  const type = pathTypeOf(destination.pathType);
  const byPath = pathPrefixes(type, paths);
  const byHost = patterns ? hostPrefixes(domainAlgoOf(context), patterns) : { prefixes: [""], whole: true };
  const whole = byPath.whole && byHost.whole && termCount === (patterns ? 2 : 1);
  return { backend, paths: byPath.prefixes, hosts: byHost.prefixes, whole };
}
