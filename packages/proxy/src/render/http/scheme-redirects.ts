import { ifAll } from "../language/acl.ts";
import type { ServiceContext } from "../plan/destination.ts";
import type { DestinationRules } from "./destination-rules.ts";
import { redirectCode } from "./redirects.ts";

/** Redirects to https by the header that a proxy in front of ours sets. */
export function schemeRedirects({ service, aclName, names }: ServiceContext, each: readonly DestinationRules[]) {
  const routed = each.flatMap(({ named, terms }) => (terms ? [{ code: redirectCode(named.destination), terms }] : []));
  const wishes = [
    ...(service.redirectWhenHttpProto ? [{ scheme: "http", not: "" }] : []),
    ...(service.redirectUnlessHttpsProto ? [{ scheme: "https", not: "!" }] : []),
  ];
  const redirects = (routed.length === 0 ? [] : wishes).map(({ scheme, not }) => {
    const name = names.claim("acl", `is_${aclName}_${scheme}`);
    const lines = routed.map(
      ({ code, terms }) => `http-request redirect scheme https${code} ${ifAll([not + name, ...terms])}`,
    );
    return { acl: `acl ${name} hdr(X-Forwarded-Proto) ${scheme}`, lines };
  });
  return { acls: redirects.map(({ acl }) => acl), redirects: redirects.flatMap(({ lines }) => lines) };
}
