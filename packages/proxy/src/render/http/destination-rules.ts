import { type Acl, filled, ifAll } from "../language/acl.ts";
import type { NamedDestination, ServiceContext } from "../plan/destination.ts";
import { hostPrefixes, pathPrefixes, type RouteRule } from "../routes/route-rule.ts";
import { type HostPatterns, hostPatterns } from "./host-match.ts";
import { addressAcls, agentAcls, domainAlgoOf, headerAcls, pathTypeOf, sourcePortAcl } from "./http-acls.ts";
import { redirectsFromDomains } from "./redirects.ts";

/** A destination's part of the rules of its service. */
export interface DestinationRules {
  readonly named: NamedDestination;
  /** That a request is for this destination; undefined when it has no route. */
  readonly terms: readonly string[] | undefined;
  readonly acls: readonly string[];
  readonly uses: readonly string[];
  readonly routes: readonly RouteRule[];
}

/** `headerNumbers` are those of the service's destinations before this one, by port. */
export function destinationRules(
  context: ServiceContext,
  named: NamedDestination,
  headerNumbers: Map<number, number>,
): DestinationRules {
  const { destination, backend, httpsBackend } = named;
  const target = { context, named, paths: pathsOf(named), hosts: hostPatterns(destination.serviceDomain) };
  const sides = target.paths.length === 0 ? [] : sidesOf(target);
  const headers = headerAcls(context, named, headerNumbers);
  const agents = agentAcls(context, named);
  const acls = [
    ...sides.flatMap(({ address }) => address),
    ...headers,
    ...sides.flatMap(({ source }) => source),
    ...agents,
  ];
  const rules = sides.map((side) => ({
    backend: side.backend,
    terms: [...side.address, ...headers, ...side.source, ...agents].map(({ term }) => term),
  }));
  const [first] = sides;
  const byDefault = context.service.isDefaultBackend ? backend || httpsBackend : "";
  return {
    named,
    terms: first && [...first.address, ...first.source].map(({ term }) => term),
    acls: [...acls.flatMap(({ lines }) => lines), ...redirectsFromDomains(destination)],
    uses: [
      ...rules.map((rule) => `use_backend ${rule.backend} ${ifAll(rule.terms)}`),
      ...(byDefault === "" ? [] : [`default_backend ${byDefault}`]),
    ],
    routes: rules.map((rule) => routeRule(target, rule.backend, rule.terms.length)),
  };
}

interface Target {
  readonly context: ServiceContext;
  readonly named: NamedDestination;
  readonly paths: readonly string[];
  readonly hosts: HostPatterns | undefined;
}

/** One of the two ports of a destination: where its requests go, and where they have come to. */
interface Side {
  readonly backend: string;
  readonly address: readonly Acl[];
  readonly source: readonly Acl[];
}

function sidesOf({ context, named, paths, hosts }: Target): Side[] {
  const { destination, port, httpsPort } = named;
  const from = destination.srcPort || (httpsPort > 0 ? 80 : 0);
  const httpsFrom = destination.srcHttpsPort || 443;
  const http = () => ({
    backend: named.backend,
    address: addressAcls(context, named, { tag: "", port, paths, hosts }),
    source: from === 0 ? [] : [sourcePortAcl(context, named, "srcPort", from)],
  });
  const https = () => ({
    backend: named.httpsBackend,
    address: addressAcls(context, named, { tag: "https_", port: httpsPort, paths, hosts }),
    source: [sourcePortAcl(context, named, "srcHttpsPort", httpsFrom)],
  });
  return [...(port > 0 ? [http()] : []), ...(httpsPort > 0 ? [https()] : [])];
}

/** A domain alone stands for all of its paths; neither path nor domain for no route. */
function pathsOf({ destination }: NamedDestination): string[] {
  const paths = filled(destination.servicePath);
  return paths.length === 0 && filled(destination.serviceDomain).length > 0 ? ["/"] : paths;
}

function routeRule({ context, named, paths, hosts }: Target, backend: string, termCount: number): RouteRule {
  const byPath = pathPrefixes(pathTypeOf(named.destination.pathType), paths);
  const byHost = hosts ? hostPrefixes(domainAlgoOf(context), hosts) : { prefixes: [""], whole: true };
  const whole = byPath.whole && byHost.whole && termCount === (hosts ? 2 : 1);
  return { backend, paths: byPath.prefixes, hosts: byHost.prefixes, whole };
}
