import { bare } from "@skep/model";
import type { Namespace } from "./host/kernel.ts";
import type { NetworkState } from "./network-state.ts";

/** What the device takes that has this node's data-path address; undefined while no device has. */
export async function underlayMtu(host: Namespace, { selfPeer }: NetworkState): Promise<number | undefined> {
  return selfPeer && deviceMtuOf(host, selfPeer.address);
}

export async function deviceMtuOf(host: Namespace, ownAddress: string): Promise<number | undefined> {
  const [addresses, links] = await Promise.all([host.addresses(), host.links()]);
  const device = addresses.find(({ address }) => bare(address) === ownAddress)?.device;
  return links.find(({ name }) => name === device)?.mtu;
}
