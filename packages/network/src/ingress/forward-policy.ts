import type { Namespace } from "../host/kernel.ts";
import { uplink } from "../overlay/addresses.ts";

/** iptables' own rules on a machine that still uses its old kernel interface. */
export interface LegacyFirewall {
  /** Lets `device` through in both directions, if that firewall drops what it forwards; tells what it did. */
  allow(device: string): Promise<readonly string[]>;
  remove(device: string): Promise<void>;
}

const table = "ip filter";

/**
 * The engine lets nothing through that is not its own (`FORWARD` drops), and no rule of another table can overrule
 * that. It leaves a chain for others, `DOCKER-USER`: that is where our traffic is let through. Tells what it did.
 */
export async function allowForwarding(host: Namespace): Promise<string[]> {
  const forward = parseChain(await host.nftJson(`list chain ${table} FORWARD`));
  if (forward?.policy !== "drop") return [];
  const user = parseChain(await host.nftJson(`list chain ${table} DOCKER-USER`));
  const missing = directions.filter((direction) => !(user ?? forward).rules.some((rule) => lets(rule, direction)));
  const commands = missing.map(
    (direction) =>
      `insert rule ${table} ${user ? "DOCKER-USER" : "FORWARD"} ${direction} "${uplink.host}" counter accept`,
  );
  if (commands.length > 0) await host.nft(commands.join("\n"));
  return commands.map((command) => `nft ${command}`);
}

export async function disallowForwarding(host: Namespace): Promise<void> {
  for (const name of ["FORWARD", "DOCKER-USER"]) {
    const chain = parseChain(await host.nftJson(`list chain ${table} ${name}`));
    const ours = (chain?.rules ?? []).filter((rule) => directions.some((direction) => lets(rule, direction)));
    if (ours.length > 0)
      await host.nft(ours.map(({ handle }) => `delete rule ${table} ${name} handle ${handle}`).join("\n"));
  }
}

const directions = ["iifname", "oifname"] as const;

interface Rule {
  readonly handle: number;
  readonly expr: readonly {
    readonly match?: { readonly left?: { readonly meta?: { readonly key?: string } }; readonly right?: unknown };
    readonly accept?: null;
  }[];
}

function parseChain(answer: unknown) {
  if (answer === undefined) return undefined;
  const { nftables } = answer as { nftables: readonly { chain?: { policy?: string }; rule?: Rule }[] };
  const chain = nftables.find((entry) => entry.chain)?.chain;
  return chain && { policy: chain.policy, rules: nftables.flatMap(({ rule }) => rule ?? []) };
}

const lets = ({ expr }: Rule, direction: (typeof directions)[number]): boolean =>
  expr.some(({ match }) => match?.left?.meta?.key === direction && match.right === uplink.host) &&
  expr.some((part) => "accept" in part) &&
  expr.filter(({ match }) => match).length === 1;
