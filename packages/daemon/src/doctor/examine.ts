import { readFileSync } from "node:fs";
import type { Finding } from "@skep/api";
import type { Clock } from "@skep/model";
import type { Shortcoming } from "../preflight.ts";
import { askManagers } from "./ask-managers.ts";
import {
  checkConnectionTable,
  checkFirewall,
  checkLegs,
  checkManagers,
  checkNeighbours,
  checkOverlaps,
  checkSysctls,
  foreignChains,
  nodeSysctls,
} from "./checks.ts";
import type { NetworkFacts } from "./network-facts.ts";

export interface Patient {
  /** Of the engine and the kernel. */
  readonly preflight: () => Promise<readonly Shortcoming[]>;
  /** `address:port`; empty when the node is in no swarm. */
  readonly managers: readonly string[];
  /** Undefined when the node takes part in no network. */
  readonly network: NetworkFacts | undefined;
  readonly clock: Clock;
}

/** Looks at everything skep needs on this node and between it and the others. */
export async function examine({ preflight, managers, network, clock }: Patient): Promise<Finding[]> {
  const [shortcomings, answers, ofNetwork] = await Promise.all([
    preflight(),
    askManagers(managers, clock),
    network ? examineNetwork(network) : [],
  ]);
  return [...engineAndKernel(shortcomings), ...checkManagers(answers), ...ofNetwork, ...inSwarm(managers, network)];
}

function engineAndKernel(shortcomings: readonly Shortcoming[]): Finding[] {
  const check = "engine and kernel";
  if (shortcomings.length === 0) return [{ check, state: "ok", what: "have all that skep needs" }];
  return shortcomings.map(({ what, advice }) => ({ check, state: "problem", what, advice }));
}

function inSwarm(managers: readonly string[], network: NetworkFacts | undefined): Finding[] {
  if (managers.length === 0)
    return [
      {
        check: "swarm",
        state: "warning",
        what: "this node is in no swarm, so nothing between nodes could be looked at",
        advice: "docker swarm init, or docker swarm join",
      },
    ];
  if (network) return [];
  const advice = 'look for "networks" in skepd\'s log: it says what this machine lacks';
  return [{ check: "networks", state: "problem", what: "this node's data plane is not up", advice }];
}

async function examineNetwork(facts: NetworkFacts): Promise<Finding[]> {
  const [legs, chains, routes, neighbours] = await Promise.all([
    facts.probe(),
    facts.chains(),
    facts.routes(),
    facts.neighbours(),
  ]);
  const problems = facts
    .problems()
    .map(({ subject, message }): Finding => ({ check: subject, state: "problem", what: message }));
  const legsAnswer = legs.every(({ tunnel }) => tunnel === "answers");
  return [
    ...checkSysctls(nodeSysctls, readSysctl),
    checkConnectionTable({
      used: numberOf("net.netfilter.nf_conntrack_count"),
      limit: numberOf("net.netfilter.nf_conntrack_max"),
    }),
    checkNeighbours({ used: neighbours, limit: numberOf("net.ipv4.neigh.default.gc_thresh3") }),
    ...checkLegs(legs, facts.dataPathPort),
    ...checkOverlaps(facts.overlays(), routes),
    ...checkFirewall(foreignChains(chains), facts.dataPathPort, legsAnswer),
    ...problems.filter(({ check }) => !check.startsWith("leg to")),
  ];
}

function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
  } catch {
    return undefined;
  }
}

const numberOf = (name: string) => Number(readSysctl(name) ?? Number.POSITIVE_INFINITY);
