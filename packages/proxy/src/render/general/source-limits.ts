import { subnetOf } from "../../service/subnet.ts";
import type { LimitedDestination } from "../input.ts";
import { aclLines, filled } from "../language/acl.ts";
import { refuse } from "../language/quote.ts";

/** `refusal` unless the client's address is in `allowedSrc`, or if it is in `deniedSrc`. */
export function sourceLimits(destination: LimitedDestination, refusal: string): string[] {
  const allowed = sourceAcl("allowed_source", "allowedSrc", destination.allowedSrc ?? []);
  const denied = sourceAcl("denied_source", "deniedSrc", destination.deniedSrc ?? []);
  return [
    ...(allowed.length > 0 ? [...allowed, `${refusal} unless allowed_source`] : []),
    ...(denied.length > 0 ? [...denied, `${refusal} if denied_source`] : []),
  ];
}

/** IPv4 or IPv6, with or without a length. */
export const sourceAcl = (name: string, what: string, subnets: readonly string[]): string[] =>
  aclLines(
    name,
    "src",
    what,
    filled(subnets).map((subnet) => (subnetOf(subnet) === undefined ? refuse(what, subnet, "not a subnet") : subnet)),
  );
