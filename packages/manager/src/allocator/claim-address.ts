import { type Address, addressId, type Network, rpcError } from "@skep/model";
import type { Transaction } from "@skep/store";
import { addressSpace, type Place } from "./address-space.ts";
import type { Ipam } from "./ipam.ts";

/** An address in CIDR notation, or in the operator's words why there is none. */
export type Claim = { readonly address: string } | { readonly problem: string };

/** Takes the next free address of the network for `owner`, for good until it is released. */
export function claimAddress(tx: Transaction, network: Network, owner: Address["owner"], ipam: Ipam): Claim {
  const known = ipam.whyFull(tx, network.id);
  if (known !== undefined) return { problem: known };
  const space = addressSpace(network);
  const start = ipam.nextAddress.get(network.id) ?? 0;
  for (let step = 0; step < space.size; step++) {
    const index = (start + step) % space.size;
    const place = space.at(index);
    if (!place || tx.get("address", addressId(network.id, place.address))) continue;
    ipam.nextAddress.set(network.id, index + 1);
    return take(tx, network, owner, place);
  }
  const problem = exhausted(tx, network);
  ipam.noteFull(tx, network.id, problem);
  return { problem };
}

/** The same for one address that was asked for; throws as Docker does when it is not to be had. */
export function claimWanted(tx: Transaction, network: Network, owner: Address["owner"], wanted: string): string {
  const place = addressSpace(network).find(wanted);
  if (place === "outside") {
    const message = `invalid address ${wanted}: It does not belong to any of this network's subnets`;
    throw rpcError("InvalidArgument", message);
  }
  if (place === "reserved" || tx.get("address", addressId(network.id, place.address))) {
    throw rpcError("FailedPrecondition", `Address already in use: ${wanted} on network ${network.spec.Name}`);
  }
  return take(tx, network, owner, place).address;
}

function take(tx: Transaction, network: Network, owner: Address["owner"], place: Place) {
  const { address, cidr } = place;
  const unwritten = { version: 0, createdAt: "", updatedAt: "" };
  tx.put("address", { ...unwritten, id: addressId(network.id, address), networkId: network.id, address, owner });
  return { address: cidr };
}

/** The owner, or the part of it on `networks`, gives its addresses up. They are not reused before all nodes know. */
export function releaseAddresses(tx: Transaction, ownerId: string, isKept: (address: Address) => boolean = none): void {
  for (const address of tx.find("address", "owner", ownerId)) {
    if (address.releasedAt !== undefined || isKept(address)) continue;
    tx.put("address", { ...address, releasedAt: tx.revision });
  }
}

const none = () => false;

/** Docker's words, and what would help: fewer tasks, patience, or a larger network. */
function exhausted(tx: Transaction, { id, spec, subnets }: Network): string {
  const taken = tx.find("address", "network", id);
  const waiting = taken.filter(({ releasedAt }) => releasedAt !== undefined).length;
  const of = `${spec.Name} (${subnets.map(({ subnet }) => subnet).join(", ")})`;
  const rest = waiting > 0 ? `, ${waiting} released and waiting for nodes to acknowledge it` : "";
  return `no available IPv4 addresses on this network's address pools: ${of}: ${taken.length - waiting} in use${rest}`;
}
