import type { Namespace } from "./host/kernel.ts";
import type { NetworkState } from "./network-state.ts";
import { bare } from "./overlay/addresses.ts";

/** What the device takes that has this node's data-path address; undefined while no device has. */
export async function underlayMtu(host: Namespace, { selfPeer }: NetworkState): Promise<number | undefined> {
  if (!selfPeer) return undefined;
  const [addresses, links] = await Promise.all([host.addresses(), host.links()]);
  const device = addresses.find(({ address }) => bare(address) === selfPeer.address)?.device;
  return links.find(({ name }) => name === device)?.mtu;
}
