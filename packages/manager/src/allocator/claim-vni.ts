import type { Network } from "@skep/model";
import type { Ipam } from "./ipam.ts";

/** Docker's first; the ingress network's as a rule. */
const first = 4096;
export const lastVni = 2 ** 24 - 1;

/** The next number that no network has; `networks` are all, removed ones too. */
export function claimVni(networks: Iterable<Network>, ipam: Ipam): number {
  const taken = new Set<number>();
  for (const { vni } of networks) taken.add(vni);
  let vni = Math.max(ipam.nextVni, first);
  while (taken.has(vni)) vni = vni < lastVni ? vni + 1 : first;
  ipam.nextVni = vni < lastVni ? vni + 1 : first;
  return vni;
}
