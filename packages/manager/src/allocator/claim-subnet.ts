import {
  type AddressBlock,
  blockAt,
  type Cluster,
  DomainError,
  formatAddress,
  formatBlock,
  parseBlock,
  type Subnet,
} from "@skep/model";
import type { Ipam } from "./ipam.ts";
import { type Occupied, overlapping, poolsOf } from "./occupied-subnets.ts";

/** Docker's, where an older store has none. */
const defaultSubnetSize = 24;

/**
 * The next free subnet of the swarm's pools. They are gone through in order; what was freed comes again after all the
 * rest. Throws when there is none, with an example of what is in the way.
 */
export function claimSubnet(
  cluster: Pick<Cluster, "defaultAddrPool" | "subnetSize">,
  taken: readonly Occupied[],
  ipam: Ipam,
): Subnet {
  const pools = poolsOf(cluster).flatMap((pool) => parseBlock(pool) ?? []);
  const length = cluster.subnetSize || defaultSubnetSize;
  const block = findFree(pools, length, taken, ipam.nextSubnet) ?? findFree(pools, length, taken, 0);
  if (!block) throw noneLeft(poolsOf(cluster), length, taken);
  ipam.nextSubnet = block.last + 1;
  return { subnet: formatBlock(block), gateway: formatAddress(block.first + 1) };
}

/** The first free block at or after `from`, in the pool that has it and those behind. */
function findFree(
  pools: readonly AddressBlock[],
  length: number,
  taken: readonly Occupied[],
  from: number,
): AddressBlock | undefined {
  const at = pools.findIndex((pool) => pool.first <= from && from <= pool.last + 1);
  for (const pool of pools.slice(Math.max(at, 0))) {
    let first = pool === pools[at] ? from : pool.first;
    while (first + 2 ** (32 - length) - 1 <= pool.last) {
      const block = blockAt(first, length);
      const other = overlapping(block, taken);
      if (!other) return block;
      first = Math.max(block.last, other.block.last) + 1;
    }
  }
  return undefined;
}

function noneLeft(pools: readonly string[], length: number, taken: readonly Occupied[]): DomainError {
  const blocks = pools.flatMap((pool) => parseBlock(pool) ?? []);
  const culprits = new Set(blocks.flatMap((block) => overlapping(block, taken)?.by ?? []));
  return new DomainError(
    "conflict",
    `no /${length} subnet is left in the swarm's address pools (${pools.join(", ")}), taken among others by ` +
      `${[...culprits].join(" and ")}: give the network a subnet of its own with --subnet, ` +
      "or a new swarm other pools with --default-addr-pool",
  );
}
