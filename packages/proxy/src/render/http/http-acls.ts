import { type Acl, aclLines, filled, repeatedAclLines } from "../language/acl.ts";
import { headerName, phrase, portNumber } from "../language/quote.ts";
import type { NamedDestination, ServiceContext } from "../plan/destination.ts";
import { compare } from "../plan/service-order.ts";
import { domainAclLines, type HostPatterns } from "./host-match.ts";

/** Where a request has to go to: path and host, for one port of the service. */
export interface Address {
  /** Nothing, or `https_`. */
  readonly tag: string;
  readonly port: number;
  readonly paths: readonly string[];
  readonly hosts: HostPatterns | undefined;
}

export const pathTypeOf = (pathType: string): string => phrase("pathType", pathType || "path_beg");

export const domainAlgoOf = ({ service, input }: ServiceContext): string =>
  phrase("serviceDomainAlgo", service.serviceDomainAlgo || input.settings.services.domainAlgo);

export function addressAcls(context: ServiceContext, named: NamedDestination, address: Address): Acl[] {
  const { tag, port, paths, hosts } = address;
  const { destination, suffix } = named;
  const type = pathTypeOf(destination.pathType);
  const acl = (kind: string, linesOf: (name: string) => string[], not = ""): Acl => {
    const name = context.names.claim("acl", `${kind}${tag}${context.aclName}${port}${suffix}`);
    return { lines: linesOf(name), term: not + name };
  };
  const acls = [acl("url_", (name) => repeatedAclLines(name, type, "servicePath", paths))];
  const excluded = filled(destination.servicePathExclude);
  if (excluded.length > 0) {
    acls.push(acl("url_exclude_", (name) => repeatedAclLines(name, type, "servicePathExclude", excluded), "!"));
  }
  if (hosts) acls.push(acl("domain_", (name) => domainAclLines(name, domainAlgoOf(context), hosts)));
  return acls;
}

/** `numbers` counts the headers of destinations that share a port, whose ACLs would have one name otherwise. */
export function headerAcls(context: ServiceContext, named: NamedDestination, numbers: Map<number, number>): Acl[] {
  const port = named.port || named.httpsPort;
  const headers = Object.entries(named.destination.serviceHeader).sort(([a], [b]) => compare(a, b));
  return headers.map(([header, value]) => {
    const n = numbers.get(port) ?? 0;
    numbers.set(port, n + 1);
    const name = context.names.claim("acl", `hdr_${context.aclName}${port}_${n}`);
    const fetch = `hdr(${headerName("serviceHeader", header)})`;
    const lines = value === "" ? [`acl ${name} ${fetch} -m len 0`] : aclLines(name, fetch, "serviceHeader", [value]);
    return { lines, term: name };
  });
}

/** That a request came to that port of the proxy; `kind` is `srcPort` or `srcHttpsPort`. */
export function sourcePortAcl(context: ServiceContext, { suffix }: NamedDestination, kind: string, port: number): Acl {
  const name = context.names.claim("acl", `${kind}_${context.aclName}${port}${suffix}`);
  return { lines: [`acl ${name} dst_port ${portNumber(kind, port)}`], term: name };
}

export function agentAcls(context: ServiceContext, { destination, suffix }: NamedDestination): Acl[] {
  const agents = filled(destination.userAgent);
  if (agents.length === 0) return [];
  const words = agents.join("_").replace(/\W/g, "_").slice(0, 100);
  const name = context.names.claim("acl", `user_agent_${context.aclName}_${words}${suffix}`);
  return [{ lines: aclLines(name, "hdr_sub(User-Agent) -i", "userAgent", agents), term: name }];
}
