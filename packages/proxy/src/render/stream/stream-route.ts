import { domainAclLines, hostPatterns } from "../http/host-match.ts";
import { domainAlgoOf, sourcePortAcl } from "../http/http-acls.ts";
import { type Acl, filled, ifAll, repeatedAclLines } from "../language/acl.ts";
import { timeoutLines } from "../language/phrases.ts";
import { phrase, portNumber } from "../language/quote.ts";
import type { NamedDestination, ServiceContext } from "../plan/destination.ts";

/** A destination's part of the frontend of its port, in mode tcp or sni. */
export interface StreamRoute {
  readonly mode: "tcp" | "sni";
  readonly owner: string;
  readonly port: number;
  /** What the first service on the port gives to the frontend. */
  readonly clientLines: readonly string[];
  /** That a connection is looked into before a rule can hold; undefined when none looks. */
  readonly inspected: "tls" | "http" | undefined;
  readonly rules: readonly string[];
}

/** `position` counts the destinations of a service, from 1. */
export function streamRoute(context: ServiceContext, named: NamedDestination, position: number): StreamRoute {
  const { destination } = named;
  const base = {
    owner: context.service.serviceName,
    port: portNumber("srcPort", destination.srcPort),
    clientLines: clientLines(named),
  };
  return destination.reqMode === "sni"
    ? { ...base, mode: "sni", inspected: "tls", rules: sniRules(context, named, position) }
    : { ...base, mode: "tcp", ...tcpRules(context, named) };
}

export const clientLines = ({ destination }: NamedDestination): string[] => [
  ...timeoutLines(destination, ["client"]),
  ...(destination.clitcpka ? ["option clitcpka"] : []),
];

function tcpRules(context: ServiceContext, { destination, port, suffix, backend }: NamedDestination) {
  const hosts = hostPatterns(destination.serviceDomain);
  if (!hosts) return { inspected: undefined, rules: [`default_backend ${backend}`] };
  const name = context.names.claim("acl", `domain_${context.aclName}${port}${suffix}`);
  const algorithm = domainAlgoOf(context);
  return {
    inspected: algorithm.includes("ssl_sni") ? ("tls" as const) : ("http" as const),
    rules: [...domainAclLines(name, algorithm, hosts), `use_backend ${backend} if ${name}`],
  };
}

/** `docker-flow-proxy.md` 4.8, with one name for the backend. */
function sniRules(context: ServiceContext, named: NamedDestination, position: number): string[] {
  const { destination, port, backend } = named;
  const server = serverNameAcl(context, named, `sni_${context.aclName}${port}-${position}`);
  const source = sourcePortAcl(context, named, "srcPort", destination.srcPort);
  const acls = [...(server ? [server] : []), source];
  return [...acls.flatMap(({ lines }) => lines), `use_backend ${backend} ${ifAll(acls.map(({ term }) => term))}`];
}

const serverName = "req_ssl_sni";

/** The values are paths and the fetch is the path's type; domains will do as well. Undefined: any name is taken. */
function serverNameAcl(context: ServiceContext, { destination }: NamedDestination, wanted: string): Acl | undefined {
  const { pathType } = destination;
  const values = filled(destination.servicePath).filter((path) => path !== "/");
  const fetch = pathType === "" || pathType === "path_beg" ? `${serverName} -i` : phrase("pathType", pathType);
  const hosts = hostPatterns(destination.serviceDomain);
  if (values.length === 0 && !hosts) return undefined;
  const term = context.names.claim("acl", wanted);
  if (values.length > 0) return { lines: repeatedAclLines(term, fetch, "servicePath", values), term };
  return { lines: hosts ? domainAclLines(term, serverName, hosts) : [], term };
}
