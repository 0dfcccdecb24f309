import { type AddressBlock, blocksOverlap, type Cluster, type Network, type Node, parseBlock } from "@skep/model";
import type { Reader } from "@skep/store";

/** Addresses that no new network may have, and who has them. */
export interface Occupied {
  readonly block: AddressBlock;
  /** `network web`, `route 192.168.1.0/24 of node node-2`. */
  readonly by: string;
}

/** What every node uses for itself, and what is no ordinary address. */
const never: readonly Occupied[] = [
  occupied("0.0.0.0/8", "addresses of no network (0.0.0.0/8)"),
  occupied("127.0.0.0/8", "the loopback addresses (127.0.0.0/8)"),
  occupied("169.254.0.0/16", "the link-local addresses that every node's gateway uses (169.254.0.0/16)"),
  occupied("100.66.0.0/16", "the addresses for egress that every node gives to its containers (100.66.0.0/16)"),
  occupied("224.0.0.0/3", "multicast and reserved addresses (224.0.0.0/3)"),
].flat();

/** Everything that is taken: by networks, removed ones too as long as a node may know them, and by the hosts' routes. */
export function occupiedSubnets(reader: Reader): Occupied[] {
  return [...never, ...[...reader.all("network")].flatMap(ofNetwork), ...ofRoutes(reader.all("node"))];
}

export const overlapping = (block: AddressBlock, taken: readonly Occupied[]): Occupied | undefined =>
  taken.find((each) => blocksOverlap(each.block, block));

const ofNetwork = ({ spec, subnets, removedAt }: Network): Occupied[] =>
  subnets.flatMap(({ subnet }) =>
    occupied(subnet, `network ${spec.Name} (${subnet})${removedAt === undefined ? "" : ", which is being removed"}`),
  );

/** Nodes of one site have the same routes: each counts once, under the first node that has it. */
function ofRoutes(nodes: Iterable<Node>): Occupied[] {
  const seen = new Map<string, Node>();
  for (const node of nodes) {
    for (const route of node.description?.Routes ?? []) if (!seen.has(route)) seen.set(route, node);
  }
  return [...seen].flatMap(([route, { id, description }]) =>
    occupied(route, `route ${route} of node ${description?.Hostname ?? id}`),
  );
}

/** A default route is nobody's address. */
export function occupied(text: string, by: string): Occupied[] {
  const block = parseBlock(text);
  return block && block.length > 0 ? [{ block, by }] : [];
}

export const defaultPools = ["10.0.0.0/8"] as const;

/** The swarm's address pools; without a choice of the operator, Docker's. */
export const poolsOf = ({ defaultAddrPool }: Pick<Cluster, "defaultAddrPool">): readonly string[] =>
  defaultAddrPool.length > 0 ? defaultAddrPool : defaultPools;
