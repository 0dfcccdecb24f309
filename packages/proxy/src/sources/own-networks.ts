import { networkInterfaces } from "node:os";
import { type AddressBlock, blockHolds, parseAddress, parseBlock } from "@skep/model";

/** This process's own IPv4 addresses and the subnets they lie in. */
export interface OwnNetworks {
  readonly addresses: ReadonlySet<string>;
  readonly subnets: readonly AddressBlock[];
}

/** Of the interfaces as they are now; loopback is left out. */
export function ownNetworks(): OwnNetworks {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal);
  return {
    addresses: new Set(found.map(({ address }) => address)),
    subnets: found.flatMap(({ cidr }) => parseBlock(cidr ?? "") ?? []),
  };
}

/** A name server that answers unknown names with an address of its own would otherwise send us to strangers. */
export function isInside({ subnets }: OwnNetworks, address: string): boolean {
  const number = parseAddress(address);
  return number !== undefined && subnets.some((subnet) => blockHolds(subnet, number));
}
