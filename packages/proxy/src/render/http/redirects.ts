import type { Destination } from "../../service/service.ts";
import { filled } from "../language/acl.ts";
import { literalFormat } from "../language/log-format.ts";
import { braced, oneOf } from "../language/quote.ts";
import { hostPatterns } from "./host-match.ts";

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

const codes = ["301", "302", "303", "307", "308"] as const;

/** ` code 301`, or nothing for HAProxy's. */
export const redirectCode = ({ httpsRedirectCode }: Destination): string =>
  httpsRedirectCode === "" ? "" : ` code ${oneOf("httpsRedirectCode", httpsRedirectCode, codes)}`;
