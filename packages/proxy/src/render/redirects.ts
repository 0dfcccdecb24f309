import type { Destination } from "../service/service.ts";
import { filled, ifAll } from "./acl.ts";
import type { ServiceContext } from "./destination.ts";
import { hostPatterns } from "./host-match.ts";
import type { DestinationRules } from "./http-rules.ts";
import { literalFormat } from "./log-format.ts";
import { braced, oneOf } from "./quote.ts";

/** To the first domain that is a host's name; without one there is nothing to redirect to. */
export function redirectsFromDomains({ redirectFromDomain, serviceDomain }: Destination): string[] {
  const [to] = hostPatterns(serviceDomain)?.named ?? [];
  if (to === undefined) return [];
  const prefix = literalFormat("serviceDomain", `http://${to}`);
  return filled(redirectFromDomain).map(
    (from) =>
      `http-request redirect code 301 prefix ${prefix} if { hdr_beg(host) -i ${braced("redirectFromDomain", from)} }`,
  );
}

/** Redirects to https by the header that a proxy in front of ours sets. */
export function schemeRedirects(context: ServiceContext, each: readonly DestinationRules[]) {
  const { service, aclName, names } = context;
  const routed = each.filter(({ terms }) => terms !== undefined);
  const acls: string[] = [];
  const redirects: string[] = [];
  const add = (scheme: string, not: string) => {
    const name = names.claim("acl", `is_${aclName}_${scheme}`);
    acls.push(`acl ${name} hdr(X-Forwarded-Proto) ${scheme}`);
    for (const { named, terms = [] } of routed) {
      redirects.push(
        `http-request redirect scheme https${redirectCode(named.destination)} ${ifAll([not + name, ...terms])}`,
      );
    }
  };
  if (service.redirectWhenHttpProto && routed.length > 0) add("http", "");
  if (service.redirectUnlessHttpsProto && routed.length > 0) add("https", "!");
  return { acls, redirects };
}

const codes = ["301", "302", "303", "307", "308"] as const;

/** ` code 301`, or nothing for HAProxy's. */
export const redirectCode = ({ httpsRedirectCode }: Destination): string =>
  httpsRedirectCode === "" ? "" : ` code ${oneOf("httpsRedirectCode", httpsRedirectCode, codes)}`;
