import { createHash } from "node:crypto";
import type { Hook, Item } from "./item.ts";

/**
 * The state an item is in, as text: equal texts, nothing to do. It leaves out what does not matter (the order a
 * balancer's targets are in, which moves on with every rewrite) and what the kernel does not tell (a veth's other end).
 */
export function formOf(item: Item): string {
  switch (item.kind) {
    case "sysctl":
      return item.value;
    case "vxlan":
      return `vxlan ${item.mac} mtu ${item.mtu} ${item.vni} ${item.local} ${item.port}`;
    case "veth":
      return `veth ${item.mac} mtu ${item.mtu}`;
    case "mtu":
      return `${item.mtu}`;
    case "address":
      return item.noPrefixRoute ? "noprefixroute" : "";
    case "neighbour":
      return item.mac;
    case "fdb":
      return item.destination;
    case "route":
      return [item.type, item.via, item.device, item.source, item.mtu].map((part) => part ?? "-").join(" ");
    case "filter":
      return item.program;
    case "set":
      return item.type;
    case "chain":
      return chainForm(item.hook, item.rules.map(fingerprint));
    case "balancer":
      return balancerForm(item.to, item.targets);
    case "element":
      return item.value ?? "";
    case "up":
    case "rule":
    case "clsact":
    case "table":
      return "";
  }
}

export const chainForm = (hook: Hook | undefined, fingerprints: readonly string[]): string =>
  `chain ${hook ? `${hook.type} ${hook.hook} ${hook.priority} ${hook.policy}` : "-"} ${fingerprints.join(",")}`;

export const balancerForm = (to: { protocol: string; port: number } | undefined, targets: readonly string[]): string =>
  `balancer ${to && targets.length > 0 ? `${to.protocol} ${to.port}` : "-"} ${[...targets].sort().join(",")}`;

/**
 * A rule's text, short. It goes into the kernel as the rule's comment: what nft prints of a rule differs between its
 * versions and from what was written, the comment comes back as it was.
 */
export function fingerprint(rule: string): string {
  const known = fingerprints.get(rule);
  if (known) return known;
  const made = createHash("sha256").update(rule).digest("hex").slice(0, 8);
  if (fingerprints.size < 10_000) fingerprints.set(rule, made);
  return made;
}

/** Rules are few and the same in every router. */
const fingerprints = new Map<string, string>();
