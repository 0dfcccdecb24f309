import {
  type Clock,
  DomainError,
  formatBlock,
  isIngress,
  isPredefined,
  type Labels,
  type Network,
  type NetworkId,
  type NetworkSpec,
  newId,
  parseBlock,
  rpcError,
  type Subnet,
} from "@skep/model";
import type { Reader, Store, Transaction } from "@skep/store";
import { claimSubnet } from "../allocator/claim-subnet.ts";
import { claimVni } from "../allocator/claim-vni.ts";
import { ingressNetwork, liveNetworks, networkNamed } from "../allocator/networks-of.ts";
import { occupiedSubnets, overlapping } from "../allocator/occupied-subnets.ts";
import { type ControlContext, detachedContext } from "./context.ts";
import { anyOf, byId, type Filters, labelsMatch, prefixOf, refuseUnknownFilters } from "./filters.ts";
import { lookUp } from "./look-up.ts";
import { networkUser } from "./network-users.ts";
import { clusterOf } from "./swarm.ts";
import { givenSubnets, givenVni, validateNetwork } from "./validate-network.ts";

/** Stores a new overlay network with its subnets, gateway and VNI. Throws Docker's errors where Docker refuses. */
export async function createNetwork(
  store: Store,
  sent: NetworkSpec,
  { ipam }: Pick<ControlContext, "ipam"> = detachedContext(),
): Promise<NetworkId> {
  validateNetwork(sent);
  const id = newId<"network">();
  await store.update((tx) => {
    refuseTakenName(tx, sent.Name);
    if (sent.Ingress) refuseSecondIngress(tx);
    tx.put("network", newNetwork(tx, id, sent, ipam));
  });
  return id;
}

/** What a network is given at its creation. */
export function newNetwork(tx: Transaction, id: NetworkId, spec: NetworkSpec, ipam: ControlContext["ipam"]): Network {
  return {
    id,
    version: 0,
    createdAt: "",
    updatedAt: "",
    spec: { ...spec, Driver: spec.Driver || "overlay", Scope: "swarm" },
    vni: vniFor(tx, spec, ipam),
    subnets: subnetsFor(tx, spec, ipam),
  };
}

function refuseTakenName(tx: Reader, name: string): void {
  if (networkNamed(tx, name)) throw new DomainError("conflict", `network with name ${name} already exists`);
}

function refuseSecondIngress(tx: Reader): void {
  const ingress = ingressNetwork(tx);
  if (ingress) throw rpcError("AlreadyExists", `ingress network (${ingress.id}) is already present`);
}

function vniFor(tx: Reader, spec: NetworkSpec, ipam: ControlContext["ipam"]): number {
  const given = givenVni(spec);
  if (given === undefined) return claimVni(tx.all("network"), ipam);
  for (const { vni, spec: other } of tx.all("network")) {
    if (vni === given)
      throw rpcError("InvalidArgument", `VXLAN id ${given} is already in use by network ${other.Name}`);
  }
  return given;
}

function subnetsFor(tx: Reader, spec: NetworkSpec, ipam: ControlContext["ipam"]): readonly Subnet[] {
  const taken = occupiedSubnets(tx);
  const given = givenSubnets(spec);
  if (given.length === 0) {
    const cluster = clusterOf(tx);
    if (!cluster) throw rpcError("NotFound", "cluster default not found");
    return [claimSubnet(cluster, taken, ipam)];
  }
  for (const { subnet } of given) {
    const block = parseBlock(subnet);
    const other = block && overlapping(block, taken);
    if (other) throw rpcError("InvalidArgument", `subnet ${formatBlock(block)} overlaps with ${other.by}`);
  }
  return given;
}

/** Removes the network at once, as operators see it; nodes and the last tasks of removed services may still have it. */
export async function removeNetwork(store: Store, text: string): Promise<void> {
  await store.update((tx) => {
    const network = lookUp(tx, "network", text);
    const { id, spec } = network;
    if (isPredefined(network)) {
      throw new DomainError("forbidden", `${spec.Name} is a pre-defined network and cannot be removed`);
    }
    const user = networkUser(tx, network);
    if (user && isIngress(network)) {
      const message = `ingress network cannot be removed because ${user.kind} ${user.id} depends on it`;
      throw rpcError("FailedPrecondition", message);
    }
    if (user) throw rpcError("FailedPrecondition", `network ${id} is in use by ${user.kind} ${user.id}`);
    tx.put("network", { ...network, removedAt: tx.revision });
  });
}

/** Removes the networks that nobody uses, and resolves with their names. */
export async function pruneNetworks(store: Store, clock: Clock, filters: Filters = new Map()): Promise<string[]> {
  refuseUnknownFilters(filters, ["label", "label!", "until"]);
  const until = filters.get("until")?.map((text) => pruneUntil(text, clock.now())) ?? [];
  return store.update((tx) => {
    const unused = liveNetworks(tx).filter(
      (network) =>
        !isIngress(network) &&
        until.every((time) => Date.parse(network.createdAt) < time) &&
        labelsMatch(filters, "label", network.spec.Labels) &&
        !(filters.get("label!") ?? []).some((label) => hasLabel(label, network.spec.Labels)) &&
        !networkUser(tx, network),
    );
    for (const network of unused) tx.put("network", { ...network, removedAt: tx.revision });
    return unused.map(({ spec }) => spec.Name);
  });
}

const hasLabel = (label: string, labels: Labels | undefined) => labelsMatch(new Map([["l", [label]]]), "l", labels);

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A Go duration before now, Unix seconds, or a date; milliseconds since the epoch. */
function pruneUntil(text: string, now: number): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join("") === text) {
    return now - parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (unitMs[unit] ?? 0), 0);
  }
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time)) throw new DomainError("invalid-parameter", `invalid filter 'until=${text}'`);
  return time;
}

/** The live networks of the swarm that match, by id; the engine's own are not among them. */
export function listNetworks(reader: Reader, filters: Filters = new Map()): Network[] {
  refuseUnknownFilters(filters, ["id", "name", "label", "driver", "scope", "type", "dangling"]);
  return liveNetworks(reader)
    .filter(
      (network) =>
        prefixOf(filters, "id", network.id) &&
        anyOf(filters, "name", (name) => network.spec.Name.includes(name)) &&
        labelsMatch(filters, "label", network.spec.Labels) &&
        anyOf(filters, "driver", (driver) => driver === network.spec.Driver) &&
        anyOf(filters, "scope", (scope) => scope === "swarm") &&
        anyOf(filters, "type", (type) => type === "custom") &&
        anyOf(filters, "dangling", (dangling) => /^(true|1)$/.test(dangling) === !networkUser(reader, network)),
    )
    .sort(byId);
}

export { liveNetworks };
