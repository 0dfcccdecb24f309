import { aclLines, filled } from "../language/acl.ts";

/** Hosts as `serviceDomain` has them: with `*` in front any host that ends so. */
export interface HostPatterns {
  readonly named: readonly string[];
  readonly endings: readonly string[];
}

/** Undefined for all hosts: there are no domains, or one of them is `*`. */
export function hostPatterns(domains: readonly string[]): HostPatterns | undefined {
  const all = filled(domains);
  const isWild = (domain: string) => domain.startsWith("*");
  const endings = all.filter(isWild).map((domain) => domain.replace(/^\*+|\*+$/g, ""));
  if (all.length === 0 || endings.includes("")) return undefined;
  return { named: all.filter((domain) => !isWild(domain)), endings };
}

/** The ACL holds when one of its lines does: each kind of pattern has the fetch that it needs. */
export const domainAclLines = (name: string, algorithm: string, { named, endings }: HostPatterns): string[] => [
  ...aclLines(name, `${algorithm} -i`, "serviceDomain", named),
  ...aclLines(name, endingFetch(algorithm), "serviceDomain", endings),
];

/** A TLS client's connection has no headers to look into. */
const endingFetch = (algorithm: string) =>
  /ssl_(fc_)?sni/.test(algorithm) ? `${algorithm} -i -m end` : "hdr_end(host) -i";
