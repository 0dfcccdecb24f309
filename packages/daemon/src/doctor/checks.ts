import type { Finding } from "@skep/api";
import { blocksOverlap, parseBlock } from "@skep/model";
import type { Leg } from "@skep/network";

// Each check is a function of what was observed; `examine` observes.

const fine = (check: string, what: string): Finding => ({ check, state: "ok", what });

export interface SysctlWish {
  readonly name: string;
  readonly wanted: string;
  readonly why: string;
}

/** Of the node's own namespace; skepd sets them itself, so one that differs was changed by somebody since. */
export const nodeSysctls: readonly SysctlWish[] = [
  {
    name: "net.ipv4.ip_forward",
    wanted: "1",
    why: "containers reach nothing outside, and nobody reaches published ports",
  },
  { name: "net.ipv4.conf.skep-up.route_localnet", wanted: "1", why: "published ports do not answer on 127.0.0.1" },
];

/** `actual` is undefined where there is no such setting. */
export function checkSysctls(wishes: readonly SysctlWish[], actual: (name: string) => string | undefined): Finding[] {
  const check = "sysctls";
  const wrong = wishes.flatMap(({ name, wanted, why }): Finding[] => {
    const value = actual(name);
    if (value === undefined || value === wanted) return [];
    return [
      {
        check,
        state: "problem",
        what: `${name} is ${value}: ${why}`,
        advice: `sysctl -w ${name}=${wanted}, and look in /etc/sysctl.d for what sets it otherwise`,
      },
    ];
  });
  return wrong.length > 0 ? wrong : [fine(check, wishes.map(({ name, wanted }) => `${name}=${wanted}`).join(", "))];
}

export interface Usage {
  readonly used: number;
  readonly limit: number;
}

const fullShare = 0.8;

/** `connections` of the whole machine; the kernel drops new ones when the table is full. */
export function checkConnectionTable({ used, limit }: Usage): Finding {
  const check = "connection tracking";
  if (used < limit * fullShare) return fine(check, `${used} of ${limit} entries in use`);
  return {
    check,
    state: used >= limit ? "problem" : "warning",
    what: `${used} of ${limit} entries in use: the kernel drops new connections when it is full`,
    advice: `sysctl -w net.netfilter.nf_conntrack_max=${limit * 2}`,
  };
}

/** Every peer and every local container is a neighbour of some router. */
export function checkNeighbours({ used, limit }: Usage): Finding {
  const check = "neighbour table";
  if (!Number.isFinite(limit)) return fine(check, `${used} entries; its limit is not to be seen from here`);
  if (used < limit * fullShare) return fine(check, `${used} entries, room for ${limit}`);
  return {
    check,
    state: "warning",
    what: `${used} entries of ${limit}: nodes and containers may become unreachable when there are more`,
    advice: `sysctl -w net.ipv4.neigh.default.gc_thresh3=${Math.max(limit, used) * 4}, and gc_thresh2 to half of it`,
  };
}

export interface ManagerAnswer {
  readonly addr: string;
  /** Undefined when it did not answer. */
  readonly error?: string;
  /** How far this node's clock is ahead of the manager's, in milliseconds, to the second. */
  readonly skewMs?: number;
}

/** Certificates are valid for a time: clocks that differ much end a node's membership. */
const skewWarningMs = 5_000;
const skewProblemMs = 60_000;

export function checkManagers(answers: readonly ManagerAnswer[]): Finding[] {
  return answers.flatMap(({ addr, error, skewMs }): Finding[] => {
    if (error !== undefined)
      return [
        {
          check: "manager",
          state: "problem",
          what: `${addr} does not answer: ${error}`,
          advice: `let TCP port ${addr.split(":").at(-1)} through between all nodes, and see that skepd runs there`,
        },
      ];
    return [fine("manager", `${addr} answers`), ...(skewMs === undefined ? [] : [checkClock(addr, skewMs)])];
  });
}

function checkClock(addr: string, skewMs: number): Finding {
  const check = "clock";
  const apart = Math.abs(skewMs);
  if (apart < skewWarningMs) return fine(check, `as ${addr}'s, to the second`);
  return {
    check,
    state: apart < skewProblemMs ? "warning" : "problem",
    what: `${Math.round(apart / 1000)} s ${skewMs > 0 ? "ahead of" : "behind"} ${addr}'s: certificates and logs depend on it`,
    advice: "let both take their time from the same servers (chrony, systemd-timesyncd)",
  };
}

export function checkLegs(legs: readonly Leg[], dataPathPort: number): Finding[] {
  return legs.flatMap((leg) => [checkTunnel(leg, dataPathPort), checkMtu(leg)]);
}

function checkTunnel({ hostname, address, tunnel }: Leg, port: number): Finding {
  const check = "overlay";
  if (tunnel === "answers") return fine(check, `${hostname} (${address}) answers through the tunnel`);
  if (tunnel === undefined) return { check, state: "warning", what: `the tunnel to ${hostname} cannot be tried yet` };
  return {
    check,
    state: "problem",
    what: `${hostname} (${address}) does not answer through the tunnel: containers here and there do not reach each other`,
    advice: `let UDP port ${port} through between all nodes, in both directions, and see that skepd runs there`,
  };
}

function checkMtu({ hostname, address, pathMtu, deviceMtu }: Leg): Finding {
  const check = "MTU";
  if (pathMtu === undefined)
    return {
      check,
      state: "warning",
      what: `${hostname} (${address}) answers no ping: how large packets to it may be is not known`,
      advice: "let ICMP through between the nodes",
    };
  if (pathMtu >= deviceMtu) return fine(check, `${pathMtu} bytes to ${hostname} (${address})`);
  return {
    check,
    state: "warning",
    what: `${pathMtu} bytes to ${hostname} (${address}), though this node's device takes ${deviceMtu}`,
    advice: "give all devices on the way the same MTU; until then overlays send smaller packets there",
  };
}

/** Overlays and what they overlap; nothing when all is well. */
export function checkOverlaps(
  overlays: readonly { readonly name: string; readonly subnet: string }[],
  routes: readonly string[],
): Finding[] {
  const check = "addresses";
  const clashes = overlays.flatMap(({ name, subnet }) =>
    routes
      .filter((route) => overlap(route, subnet))
      .map(
        (route): Finding => ({
          check,
          state: "problem",
          what: `network ${name} (${subnet}) overlaps ${route}, which this node has a route to: containers do not reach it`,
          advice: `make the network anew with another --subnet, or init the swarm with another --default-addr-pool`,
        }),
      ),
  );
  return clashes.length > 0 ? clashes : [fine(check, "no overlay overlaps a route of this node")];
}

function overlap(a: string, b: string): boolean {
  const [first, second] = [parseBlock(a), parseBlock(b)];
  return first !== undefined && second !== undefined && blocksOverlap(first, second);
}

/** A chain of somebody else's that drops what no rule of it accepts. */
export interface ForeignChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string;
}

/** `passes` says whether a chain lets skep's traffic through, as far as is known. */
export function checkFirewall(chains: readonly ForeignChain[], dataPathPort: number, legsAnswer: boolean): Finding[] {
  const check = "firewall";
  const dropping = chains.map((chain): Finding => {
    const rule = `${chain.family} ${chain.table} ${chain.name}`;
    if (chain.hook === "forward")
      return {
        check,
        state: "warning",
        what: `chain ${rule} drops what it forwards unless told otherwise: published ports and the way out need an exception`,
        advice: `nft insert rule ${rule} iifname skep-up accept; nft insert rule ${rule} oifname skep-up accept`,
      };
    return {
      check,
      state: legsAnswer ? "ok" : "warning",
      what: `chain ${rule} drops what comes in unless told otherwise${legsAnswer ? "; the other nodes get through" : ""}`,
      ...(!legsAnswer && {
        advice: `nft insert rule ${rule} udp dport ${dataPathPort} accept; nft insert rule ${rule} tcp dport 2377 accept`,
      }),
    };
  });
  return dropping.length > 0 ? dropping : [fine(check, "no firewall of others drops by default")];
}

/** Base chains with policy drop in what `nft -j list chains` answers; skep's own and those kept open for it left out. */
export function foreignChains(listed: unknown): ForeignChain[] {
  const entries = (listed as { readonly nftables?: readonly { readonly chain?: NftChain }[] })?.nftables ?? [];
  return entries.flatMap(({ chain }) => {
    if (chain?.policy !== "drop" || (chain.hook !== "input" && chain.hook !== "forward")) return [];
    const { family, table, name, hook } = chain;
    const isKeptOpen = table === "skep" || (family === "ip" && table === "filter" && hook === "forward");
    return isKeptOpen ? [] : [{ family, table, name, hook }];
  });
}

interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}
